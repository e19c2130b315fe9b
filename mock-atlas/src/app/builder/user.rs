//! The settings of a user.

use std::fmt;

use super::assemble::token_value;
use crate::app::StartError;
use crate::domain::Scope;
use crate::service::seed;

/// A user who may do everything in the namespace of their own name, and sees only public artifacts
/// elsewhere.
#[derive(Clone)]
pub struct User {
    username: String,
    password: Option<String>,
    two_factor: Option<String>,
    tokens: Vec<String>,
}

/// Leaves out the secrets.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl User {
    /// Creates a user without a password and tokens.
    pub fn new(username: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: None,
            two_factor: None,
            tokens: Vec::new(),
        }
    }

    /// Sets the password, with which the user can log in (`POST /authenticate`).
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Sets the code of a second factor, which a login then needs besides the password.
    #[must_use]
    pub fn two_factor(mut self, code: impl Into<String>) -> Self {
        self.two_factor = Some(code.into());
        self
    }

    /// Adds a token of the user. May be called several times.
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
                scope: Scope::FULL,
                expires_at: None,
            })
        };
        Ok(Self {
            username: user.username.parse().map_err(StartError::Username)?,
            password: user.password.map(seed::Password),
            two_factor: user.two_factor.map(seed::Password),
            tokens: user
                .tokens
                .into_iter()
                .map(token)
                .collect::<Result<_, StartError>>()?,
        })
    }
}
