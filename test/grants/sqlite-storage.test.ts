import { makeSqlitePlace } from './sqlite-place.ts';
import { describeStorageContract } from './storage-contract.ts';

describe('the embedded store keeps the storage contract', () => {
  describeStorageContract(makeSqlitePlace);
});
