/**
 * What native code reads of the environment. It must be there before that code is loaded, hence before everything else.
 */

// What a password hash takes (19 MiB by default) is given back when it is done, not when the next one begins: read by the
// allocator of @node-rs/argon2.
process.env.MIMALLOC_PURGE_DELAY ??= '0';
