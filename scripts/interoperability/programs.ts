/** The applications on libraries of other languages, in `test/interoperability`: how each is built and run. */
import path from 'node:path';

/** A program that must be on this machine. */
export interface Tool {
  command: string;
  /** Arguments with which it says that it is there. */
  probe: string[];
  /** What to install where it is not. */
  install: string;
}

export interface Program {
  /** Its folder in `test/interoperability`. */
  name: string;
  library: string;
  tools: Tool[];
  /** Commands that build it, in the copy of its folder. */
  build: string[][];
  /** The command that runs it, in the same folder. */
  run: string[];
  /** What the library calls the error of a wrong client secret, where it is not `invalid_client`. */
  wrongSecret?: string;
}

const PYTHON = path.join('environment', 'bin', 'python');

export const PROGRAMS: readonly Program[] = [
  {
    name: 'go',
    library: 'go-oidc',
    tools: [{ command: 'go', probe: ['version'], install: 'Go 1.26 or newer' }],
    build: [['go', 'build', '-mod=readonly', '-o', 'application', '.']],
    run: [`.${path.sep}application`],
  },
  {
    name: 'python',
    library: 'Authlib',
    tools: [
      {
        command: 'python3',
        probe: ['-c', 'import venv, ensurepip'],
        install: 'Python 3.10 or newer with venv',
      },
    ],
    build: [
      ['python3', '-m', 'venv', 'environment'],
      [PYTHON, '-m', 'pip', 'install', '--quiet', '--require-hashes', '-r', 'requirements.txt'],
    ],
    run: [PYTHON, 'application.py'],
  },
  {
    name: 'rust',
    library: 'openidconnect (crate)',
    tools: [{ command: 'cargo', probe: ['--version'], install: 'Rust 1.88 or newer with Cargo' }],
    build: [['cargo', 'build', '--quiet', '--target-dir', 'target']],
    run: [path.join('target', 'debug', 'interoperability')],
  },
  {
    name: 'java',
    library: 'Spring Security',
    tools: [
      { command: 'java', probe: ['-version'], install: 'a JDK 17 or newer' },
      { command: 'mvn', probe: ['-version'], install: 'Maven 3.8 or newer' },
    ],
    build: [['mvn', '--quiet', '--batch-mode', '--strict-checksums', '-DskipTests', 'package']],
    run: ['java', '-jar', path.join('target', 'application.jar')],
    // It reads the body of an answer of 400 alone, though RFC 6749 §5.2 has this one be 401.
    wrongSecret: 'invalid_token_response',
  },
];
