//! `/_mock/…`: what the emulator can do and Atlas could not. For the root token only, unless said
//! otherwise.

pub(crate) mod tokens;
