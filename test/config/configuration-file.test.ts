import { expect } from 'chai';
import { loadWithSources } from '../../config/load.ts';
import { expectOneLine, LoadingFolder } from './loading-folder.ts';

describe('the configuration file', () => {
  const folder = LoadingFolder.open();

  it('is read when it is there, and lets the environment win', () => {
    folder.write('config/latchkey.yaml', 'port: 4000\nlog:\n  level: debug\nlifetimes:\n  # all defaults\n');
    const { configuration, sources } = loadWithSources({
      environment: { LATCHKEY_LOG_LEVEL: 'error' },
      directory: folder.directory,
    });
    expect(configuration.port).to.equal(4000);
    expect(configuration.log.level).to.equal('error');
    const kinds = new Map([...sources].map(([setting, source]) => [setting.key, source.kind]));
    expect(kinds.get('port')).to.equal('file');
    expect(kinds.get('log.level')).to.equal('environment');
    expect(kinds.get('host')).to.equal('default');
  });

  it('is another one when LATCHKEY_CONFIG names it, and says nothing when it is empty', () => {
    folder.write('other.yaml', 'port: 4001');
    folder.write('empty.yaml', '# nothing yet\n');
    expect(folder.load({ LATCHKEY_CONFIG: 'other.yaml' }).port).to.equal(4001);
    expect(folder.load({ LATCHKEY_CONFIG: 'empty.yaml' }).port).to.equal(3000);
  });

  const badFiles: [what: string, yaml: string, line: RegExp][] = [
    ['a syntax error', 'log: {level: canary-secret', /latchkey.yaml:\d+:\d+: is not valid YAML/],
    ['a tab as indentation', 'log:\n\tlevel: canary-secret', /latchkey.yaml:2:\d+: is not valid YAML/],
    ['a key twice', 'port: 1\nport: 2', /latchkey.yaml:2:1: key port is set twice$/],
    ['two documents', 'port: 1\n---\nport: 2', /is not valid YAML/],
    ['a list at the top', '- port', /latchkey.yaml: must be a mapping of keys$/],
    ['a text at the top', 'canary-secret', /latchkey.yaml: must be a mapping of keys$/],
    ['an unknown key', 'isuer: x', /^isuer: is not a known key, in .*did you mean issuer\?$/],
    ['an unknown nested key', 'log:\n  levle: info', /^log.levle: .*did you mean log.level\?$/],
    ['a key spelt as in code', 'dataDir: x', /^dataDir: .*did you mean data_dir\?$/],
    ['a key that is a property of every object', '__proto__:\n  port: 1', /^__proto__: is not a known key/],
    ['a text where a section belongs', 'log: debug', /^log: must be a mapping of keys, in /],
    ['a mapping where a value belongs', 'issuer:\n  url: x', /^issuer \(LATCHKEY_ISSUER\): must be a text$/],
    ['a key without value', 'port:', /^port .*has no value/],
    [
      'a text where a list belongs',
      'trusted_proxies: loopback',
      /^trusted_proxies .*must be a list: \["loopback"\]$/,
    ],
    ['a number written as text', 'port: "3000"', /^port .*"3000" must be a number$/],
    ['an empty path', 'data_dir: ""', /^data_dir .*at least 1 character$/],
    ['an empty list of algorithms', 'keys:\n  algorithms: []', /^keys.algorithms .*at least 1 item$/],
    [
      'a number as secret',
      'accounts:\n  http:\n    token: 1234567890123456',
      /^accounts.http.token .*: must be a text$/,
    ],
    ['an alias without anchor', 'issuer: *canary-secret', /latchkey.yaml.*alias/],
    [
      'an unfinished quotation',
      'accounts:\n  http:\n    token: "canary-secret',
      /latchkey.yaml:3:\d+: is not valid YAML/,
    ],
    [
      'an unknown escape',
      'accounts:\n  http:\n    token: "\\qcanary-secret"',
      /latchkey.yaml:3:\d+: is not valid YAML/,
    ],
    [
      'text after a value',
      'accounts:\n  http:\n    token: "a" canary-secret',
      /latchkey.yaml:3:\d+: is not valid YAML/,
    ],
    ['a colon in a value', 'smtp_url: canary-secret: x', /latchkey.yaml:1:\d+: is not valid YAML/],
    [
      'a control character in the name',
      'branding:\n  name: "a\\u0007"',
      /^branding.name .*control characters$/,
    ],
  ];

  for (const [what, yaml, line] of badFiles) {
    it(`is refused with one line for ${what}`, () => {
      folder.write('config/latchkey.yaml', yaml);
      expectOneLine(folder.problems({}), line);
    });
  }

  it('has every problem reported at once', () => {
    folder.write('config/latchkey.yaml', 'isuer: x\nport: -1\nlog:\n  level: loud');
    const found = folder.problems({ LATCHKEY_WORKERS: '0', LATCHKEY_NOPE: '1' });
    expect(found.map((line) => line.split(/[ :]/)[0])).to.have.members([
      'isuer',
      'port',
      'log.level',
      'workers',
      'LATCHKEY_NOPE',
    ]);
  });
});
