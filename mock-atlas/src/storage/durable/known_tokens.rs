//! Remembers tokens that the database has just found: reading one takes as long as the search that it is for.

use std::sync::Arc;

use dashmap::DashMap;

use super::database::Database;
use crate::storage::Token;
use crate::storage::access_token::AccessToken;
use crate::storage::token::Hashed;

/// The greatest number of remembered tokens. Beyond it, all are forgotten.
const MOST: usize = 10_000;

/// The tokens that are remembered. A clone is a handle to the same.
///
/// Each is valid as long as no commit takes any token away, which only the database of a folder tells. Where several
/// servers share a database, each request asks it.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownTokens(Arc<DashMap<Hashed, Known>>);

#[derive(Debug)]
struct Known {
    token: Token,
    /// The [number](Database::token_ends) before the token was read.
    token_ends: u64,
}

/// A token that is to be looked up, and remembered then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unknown {
    hash: Hashed,
    token_ends: u64,
}

impl KnownTokens {
    /// Returns the token of this text if it is remembered, and otherwise what to [remember](Self::remember) it with:
    /// `None` for one that is not to be remembered.
    pub(super) fn find(&self, text: &str, database: &Database) -> Result<Token, Option<Unknown>> {
        // An access token has an end of its own.
        let token_ends = database.token_ends().ok_or(None)?;
        if AccessToken::read(text).is_some() {
            return Err(None);
        }
        let hash = Hashed::of(text);
        match self.0.get(&hash) {
            Some(known) if known.token_ends == token_ends => Ok(known.token.clone()),
            _ => Err(Some(Unknown { hash, token_ends })),
        }
    }

    /// Remembers a token that was looked up after it was not found here.
    pub(super) fn remember(&self, Unknown { hash, token_ends }: Unknown, token: Token) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(hash, Known { token, token_ends });
    }
}
