import type { FormBrowser, Landing } from '../flows/form-browser.ts';

/** A form of a page, as an attacker would copy it. */
export interface PageForm {
  action: string;
  csrf: string;
}

/** The form that holds the element with this id. */
export function formOf({ page, pageName }: Landing, buttonId: string): PageForm {
  const form = [...page.matchAll(/<form[^>]*>[\s\S]*?<\/form>/g)]
    .map(([text]) => text)
    .find((text) => text.includes(`id="${buttonId}"`));
  if (form === undefined) throw new Error(`no form with #${buttonId} on ${pageName}`);
  return {
    action: (/action="([^"]+)"/.exec(form)?.[1] ?? '').replaceAll('&amp;', '&'),
    csrf: /name="csrf" value="([^"]+)"/.exec(form)?.[1] ?? '',
  };
}

/** Posts fields to an address with this browser's cookies; redirects are not followed. */
export function post(
  browser: FormBrowser,
  action: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return browser.request(action, { method: 'POST', body: new URLSearchParams(fields), headers });
}

/** `<body data-page>` of a page. */
export function pageNameOf(page: string): string | undefined {
  return /<body data-page="([^"]+)"/.exec(page)?.[1];
}

/** Where the link with this id leads. */
export function hrefOf({ page, pageName }: Landing, id: string): string {
  const tag = new RegExp(`<a[^>]*id="${id}"[^>]*>`).exec(page)?.[0] ?? '';
  const href = /href="([^"]*)"/.exec(tag)?.[1];
  if (href === undefined) throw new Error(`no link #${id} on ${pageName}`);
  return href.replaceAll('&amp;', '&');
}
