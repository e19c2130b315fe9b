//! A user, as the builder is told of one.

use std::fmt;

use super::assemble::token_value;
use crate::app::StartError;
use crate::service::seed;

/// A user who may do everything below their own name and see nothing private elsewhere.
#[derive(Clone)]
pub struct User {
    username: String,
    password: Option<String>,
    tokens: Vec<String>,
}

/// Without its secrets.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl User {
    /// A user of this name, who has neither a password nor a token yet.
    pub fn new(username: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: None,
            tokens: Vec::new(),
        }
    }

    /// Lets the user log in with this password (`POST /authenticate`).
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Gives the user a token; there may be several.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.tokens.push(token.into());
        self
    }
}

impl TryFrom<User> for seed::User {
    type Error = StartError;

    fn try_from(user: User) -> Result<Self, StartError> {
        let token = |token| {
            Ok(seed::Token {
                token: token_value(token)?,
                description: String::new(),
            })
        };
        Ok(Self {
            username: user.username.parse().map_err(StartError::Username)?,
            password: user.password.map(seed::Password),
            tokens: user
                .tokens
                .into_iter()
                .map(token)
                .collect::<Result<_, StartError>>()?,
        })
    }
}
