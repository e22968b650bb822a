import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { configurationSchema } from '../../../config/configuration.ts';
import { createExternalSigner, type ExternalSigner } from '../../../lib/keys/external/external-signer.ts';
import { prepareVerifier } from '../../../lib/keys/key-material.ts';
import { createLog } from '../../../lib/observability/log.ts';
import { eventually } from '../../flows/latchkey-process.ts';

const EXAMPLE = join(import.meta.dirname, '../../../examples/external-signer/main.ts');
const DATA = Buffer.from('what is signed');

async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason as Error,
  );
  expect(error).to.have.property('name', 'ExternalSignerUnavailable');
  return (error as Error).message;
}

describe('a program that signs', function () {
  this.timeout(60_000);
  let folder: string;
  const signers: ExternalSigner[] = [];

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-signer-'));
    const keys = {
      rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
      p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      ed: generateKeyPairSync('ed25519'),
    };
    for (const [name, { privateKey }] of Object.entries(keys)) {
      writeFileSync(join(folder, `${name}.pem`), privateKey.export({ format: 'pem', type: 'pkcs8' }));
    }
  });
  afterEach(async () => {
    await Promise.all(signers.splice(0).map((signer) => signer.close()));
  });
  after(() => rmSync(folder, { recursive: true }));

  const publicKey = (name: string): KeyObject =>
    createPublicKey(createPrivateKey(readFileSync(join(folder, `${name}.pem`))));

  function signerOf(
    program: string[],
    limits: { timeout?: number; concurrency?: number } = {},
  ): ExternalSigner {
    const { external } = configurationSchema.parse({}).keys;
    const signer = createExternalSigner(
      { ...external, program, timeout: 30_000, ...limits },
      createLog('silent'),
    ) as ExternalSigner;
    signers.push(signer);
    return signer;
  }

  /** A program of a few lines that is handed each question as `question`, and `say` to answer. */
  function scripted(body: string): string[] {
    const file = join(folder, `script-${signers.length}-${Date.now()}.mjs`);
    writeFileSync(
      file,
      `import { createInterface } from 'node:readline';
const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
for await (const line of createInterface({ input: process.stdin })) { const question = JSON.parse(line); ${body} }`,
    );
    return [process.execPath, file];
  }

  const example = () => [process.execPath, '--disable-warning=ExperimentalWarning', EXAMPLE, folder];
  const key = (name: string, algorithm: string) => ({ name, algorithm, publicKey: publicKey(name) });

  it('is the example: tells public keys, and signs with every algorithm, many at once', async () => {
    const signer = signerOf(example());
    expect((await signer.publicKey('p256')).equals(publicKey('p256'))).to.equal(true);
    const algorithms = {
      rsa: ['RS256', 'RS512', 'PS256', 'PS384'],
      p256: ['ES256'],
      p384: ['ES384'],
      ed: ['EdDSA'],
    };
    const wanted = Object.entries(algorithms).flatMap(([name, each]) =>
      each.map((algorithm) => key(name, algorithm)),
    );
    await Promise.all(
      [...wanted, ...wanted].map(async (one) => {
        const signature = await signer.sign(one, DATA);
        expect(prepareVerifier(one.algorithm, one.publicKey)(DATA, signature), one.algorithm).to.equal(true);
        expect(prepareVerifier(one.algorithm, one.publicKey)(Buffer.from('else'), signature)).to.equal(false);
      }),
    );
  });

  it('says what is wrong, and goes on', async () => {
    const signer = signerOf(example());
    expect(await reasonOf(signer.sign({ ...key('p256', 'ES256'), name: 'nobody' }, DATA))).to.contain(
      'ENOENT',
    );
    await signer.sign(key('p256', 'ES256'), DATA);
  });

  it('that signs with another key than the published one gives no signature', async () => {
    const signer = signerOf(example());
    const mistaken = { name: 'p256', algorithm: 'ES256', publicKey: publicKey('p384') };
    expect(await reasonOf(signer.sign(mistaken, DATA))).to.contain('by the key that is published');
    const other = { name: 'rsa', algorithm: 'PS256', publicKey: publicKey('rsa') };
    const signature = await signer.sign(other, DATA);
    const constant = signerOf(
      scripted(`say({ id: question.id, signature: '${signature.toString('base64url')}' });`),
    );
    expect(await reasonOf(constant.sign({ ...other, algorithm: 'RS256' }, DATA))).to.contain('none of RS256');
  });

  it('that ends in the middle of a call fails that call, and is started again', async () => {
    const once = join(folder, 'has-ended');
    const program = scripted(
      `const { existsSync, writeFileSync } = await import('node:fs');
if (!existsSync('${once}')) { writeFileSync('${once}', ''); process.exit(3); }
say({ id: question.id, error: 'it lives' });`,
    );
    const signer = signerOf(program);
    expect(await reasonOf(signer.publicKey('p256'))).to.contain('its program ended (3)');
    expect(existsSync(once)).to.equal(true);
    let reason = '';
    await eventually(
      'it was started again',
      async () => {
        reason = await reasonOf(signer.publicKey('p256'));
        return !reason.includes('a moment ago');
      },
      60_000,
    );
    expect(reason).to.contain('it lives');
  });

  it('that hangs is given up in time and replaced; one that is slow with one key is not', async () => {
    const pids = join(folder, 'pids');
    const program = scripted(
      `const { appendFileSync } = await import('node:fs');
if (question.key === 'pid') { appendFileSync('${pids}', process.pid + '\\n'); say({ id: question.id, error: 'noted' }); }
if (question.key === 'hang') { for (;;) {} }`,
    );
    const started = (): Set<string> => new Set(readFileSync(pids, 'utf8').trim().split('\n'));
    const note = async (signer: ExternalSigner): Promise<void> =>
      eventually('noted', async () => (await reasonOf(signer.publicKey('pid'))).includes('noted'), 60_000);
    const signer = signerOf(program, { timeout: 5000 });
    await note(signer);
    const first = started();
    const slow = reasonOf(signer.publicKey('slow'));
    await note(signer);
    expect(await slow).to.contain('no answer within 5000 ms');
    await note(signer);
    expect(started(), 'the same program').to.deep.equal(first);
    expect(await reasonOf(signer.publicKey('hang'))).to.contain('no answer within 5000 ms');
    await note(signer);
    expect(started().size, 'another program').to.be.greaterThan(first.size);
  });

  it('that speaks nonsense, or cannot be run, is unavailable', async () => {
    const nonsense = signerOf(
      scripted(`process.stdout.write('nonsense\\n'); say({ id: question.id }); say([]);`),
      {
        timeout: 2000,
      },
    );
    expect(await reasonOf(nonsense.publicKey('p256'))).to.contain('no answer within 2000 ms');
    const absent = signerOf([join(folder, 'not-there')]);
    expect(await reasonOf(absent.publicKey('p256'))).to.contain('cannot be run');
  });

  it('is given the variables that are named, and no others', async () => {
    process.env.LATCHKEY_TEST_SECRET = 'canary5ecret';
    process.env.LATCHKEY_TEST_REGION = 'eu-1';
    try {
      const { external } = configurationSchema.parse({}).keys;
      const program = scripted('say({ id: question.id, error: Object.keys(process.env).join() });');
      const signer = createExternalSigner(
        { ...external, program, environment: ['LATCHKEY_TEST_REGION'], timeout: 30_000 },
        createLog('silent'),
      ) as ExternalSigner;
      signers.push(signer);
      const names = await reasonOf(signer.publicKey('any'));
      expect(names).to.contain('LATCHKEY_TEST_REGION');
      expect(names).to.not.contain('LATCHKEY_TEST_SECRET');
    } finally {
      delete process.env.LATCHKEY_TEST_SECRET;
      delete process.env.LATCHKEY_TEST_REGION;
    }
  });
});
