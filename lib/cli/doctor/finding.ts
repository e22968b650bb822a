import type { Configuration } from '../../../config/configuration.ts';
import type { InspectedDatabase } from '../../database/inspection.ts';

/** What one look came to. */
export interface Finding {
  /** What was looked at, one word for scripts. */
  check: string;
  status: 'ok' | 'warning' | 'problem';
  /** What is so, and what it means. One line. */
  message: string;
  /** What to do about it; there for warnings and problems. */
  advice?: string;
}

/** What checks look at. */
export interface Patient {
  configuration: Configuration;
  /** Files that secrets were configured by. */
  secretFiles: ReadonlyArray<string>;
  /** The directory, without any change to it; undefined before the first start. */
  database: InspectedDatabase | undefined;
  /** Whether any process has the data directory open. */
  inUse: boolean;
  /** Unix time, ms. */
  now: number;
}

/** Looks at one thing and changes nothing; no finding when there is nothing to look at. */
export type Check = (patient: Patient) => Finding[] | Promise<Finding[]>;

/** All is well. */
export const fine = (check: string, message: string): Finding => ({ check, status: 'ok', message });

/** It works, and will not for ever, or not as it should. */
export const warning = (check: string, message: string, advice: string): Finding => ({
  check,
  status: 'warning',
  message,
  advice,
});

/** It does not work, or is not safe. */
export const problem = (check: string, message: string, advice: string): Finding => ({
  check,
  status: 'problem',
  message,
  advice,
});

/** The first of these when there is any, else that all is well. */
export const orFine = (findings: Finding[], check: string, message: string): Finding[] =>
  findings.length > 0 ? findings : [fine(check, message)];
