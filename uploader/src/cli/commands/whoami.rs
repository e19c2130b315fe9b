//! Runs `atlas-upload whoami`, which verifies the token and prints its user.

use atlas_uploader::Error;
use serde_json::json;

use crate::cli::app::App;
use crate::cli::args::OutputFormat;

impl App<'_> {
    pub(in crate::cli) async fn whoami(&self) -> Result<(), Error> {
        self.need_token()?;
        let username = self.client.whoami().await?;
        if username.is_none() && self.output == OutputFormat::Text {
            self.console
                .say("The token is valid; the server does not name its owner.");
            return Ok(());
        }
        let text = username
            .clone()
            .unwrap_or_default()
            .replace(char::is_control, " ");
        let url = self.config.atlas_url.value.to_string();
        self.answer(&text, &json!({"username": username, "atlas_url": url}))
    }
}
