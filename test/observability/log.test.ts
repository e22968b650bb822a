import { expect } from 'chai';
import { createLog, type LogFields } from '../../lib/observability/log.ts';

function logged(say: (log: ReturnType<typeof createLog>) => void, requestId?: () => string | undefined) {
  const lines: string[] = [];
  say(createLog('trace', { write: (line) => lines.push(line) }, requestId));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the log', () => {
  it('writes the fields of its list alone, and tells the names of what it dropped', () => {
    const fields = { clientId: 'web', password: 'hunter2', refreshToken: 'abc' } as LogFields;
    const [line] = logged((log) => log.info(fields, 'said'));
    expect(line).to.include({ clientId: 'web', msg: 'said' });
    expect(line?.dropped).to.deep.equal(['password', 'refreshToken']);
    expect(JSON.stringify(line)).not.to.match(/hunter2|abc/);
  });

  it('writes of an error the properties of a list, with its causes, and no query', () => {
    const error = Object.assign(new Error('GET https://idp.example/cb?code=SECRET failed'), {
      code: 'E_ONE',
      body: 'SECRET',
      cause: Object.assign(new Error('at /auth/x?login_hint=SECRET'), { secret: 'SECRET' }),
    });
    const [line] = logged((log) => log.error({ err: error }, 'failed'));
    expect(JSON.stringify(line)).not.to.contain('SECRET');
    expect(line?.err).to.include({ name: 'Error', code: 'E_ONE' });
    expect(line).to.have.nested.property('err.cause.message', 'at /auth/x?…');
  });

  it('writes no more of a text than somebody reads', () => {
    const long = 'x'.repeat(100_000);
    const error = Object.assign(new Error(long), { error_detail: long, cause: new Error(long) });
    const [line] = logged((log) => log.info({ err: error, path: `/${long}`, came: long }, 'said'));
    expect(JSON.stringify(line).length).to.be.below(40_000);
  });

  it('does not write what identifies an interaction', () => {
    const [line] = logged((log) => log.info({ path: '/interaction/abcdef/login' }, 'said'));
    expect(line?.path).to.equal('/interaction/…/login');
  });

  it('names the request that a line belongs to, where there is one', () => {
    let present: string | undefined = 'request-1';
    const lines = logged(
      (log) => {
        log.info({ reason: 'wrong_password' }, 'in a request');
        log.info('in a request, without fields');
        present = undefined;
        log.info('outside');
      },
      () => present,
    );
    expect(lines.map(({ requestId }) => requestId)).to.deep.equal(['request-1', 'request-1', undefined]);
  });
});
