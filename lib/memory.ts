import { setFlagsFromString } from 'node:v8';

/*
 * V8 lets a heap grow to several times what is in use, since nothing tells it that memory has a price. A young generation
 * that stays small and an old one that is collected when it has grown by a fifth keep a loaded process at half the size. To be
 * imported first: a young generation that has grown does not shrink.
 */
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--heap-growing-percent=20');
