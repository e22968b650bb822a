import type { CDPSession, Page } from 'playwright-core';

/** What has the keyboard, and what is wrong with that for somebody who has nothing else. */
export interface FocusedControl {
  /** Its id, or what else tells it from others. */
  id: string;
  faults: string[];
}

/** Everything on the page that Tab should reach, in the order of reading. */
const STOPS = `[...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
  .filter((each) => !each.disabled && each.type !== 'hidden' && each.checkVisibility({ visibilityProperty: true }))`;

/**
 * Looks at the element that has the keyboard: is it in sight, as having it, and the next one after the one before? `undefined` when the
 * page itself has it. The element before is kept on the page, and goes with it.
 */
const LOOK = `((isStepForwards) => {
  const it = document.activeElement, before = globalThis.formerStop, stops = ${STOPS};
  globalThis.formerStop = it;
  if (it === null || it === document.body || it === document.documentElement) return undefined;
  const faults = [], box = it.getBoundingClientRect(), [line = box] = it.getClientRects();
  if (box.width < 1 || box.height < 1) faults.push('has no size');
  const fits = (start, end, room) => start >= -1 && end <= room + 1;
  if (!fits(box.left, box.right, innerWidth)) faults.push('is not within the width of the window');
  if (box.height <= innerHeight && !fits(box.top, box.bottom, innerHeight)) faults.push('is not scrolled to');
  const onTop = document.elementFromPoint(line.left + line.width / 2, line.top + line.height / 2);
  if (!it.contains(onTop)) faults.push('is covered by ' + (onTop?.outerHTML.slice(0, 80) ?? 'nothing'));

  const look = () => {
    const { outlineStyle, outlineWidth, outlineColor, boxShadow } = getComputedStyle(it);
    const isSeen = outlineStyle === 'auto' || (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2);
    const drawn = isSeen && !/^rgba.*, 0\\)$/.test(outlineColor);
    return [drawn, boxShadow].join();
  };
  const focused = look();
  it.blur();
  const unfocused = look();
  it.focus({ preventScroll: true });
  if (focused === unfocused && stops.includes(it)) faults.push('does not show that it has the keyboard');

  if (isStepForwards && it === before && stops.length > 1) faults.push('does not let the keyboard go');
  const former = before?.isConnected && isStepForwards ? stops.indexOf(before) : -1;
  if (former >= 0 && it !== stops[0] && it !== before) {
    const { bottom, right } = before.getBoundingClientRect();
    if (it !== stops[former + 1] || (box.bottom <= bottom - before.offsetHeight && box.left < right)) {
      faults.push('comes after ' + (before.id || before.textContent.trim()));
    }
  }
  return { id: it.id || it.value || it.textContent.trim(), faults };
})`;

/** Puts the keyboard on the first control in the part of the page; answers how many stops Tab should make there. */
export const startAtTop = (tab: Page, part: string): Promise<number> =>
  tab.evaluate(`(() => {
    const stops = ${STOPS}.filter((each) => each.closest('${part}') !== null);
    stops[0]?.focus();
    return stops.length;
  })()`);

/**
 * The control that has the keyboard, looked at; `undefined` when none has. `session` speaks with the same tab; `isStepForwards` after a
 * step that must lead to what is read next.
 */
export async function focusedControl(
  tab: Page,
  session: CDPSession,
  isStepForwards: boolean,
): Promise<FocusedControl | undefined> {
  const control = await tab.evaluate<FocusedControl | undefined>(`${LOOK}(${isStepForwards})`);
  if (control === undefined) return undefined;
  const { result } = await session.send('Runtime.evaluate', { expression: 'globalThis.formerStop' });
  const { nodes } = await session.send('Accessibility.getPartialAXTree', {
    objectId: result.objectId ?? '',
    fetchRelatives: false,
  });
  if (String(nodes[0]?.name?.value ?? '').trim() === '')
    control.faults.push('has no name for a screen reader');
  return control;
}
