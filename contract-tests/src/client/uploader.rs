//! This module runs the uploader that is judged, as a command.

use std::{
    io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::timeout,
};

use super::{
    ClientError, observation::Observation, process_group::ProcessGroup,
    recording_server::RecordingServer, scenario::Scenario,
};

const CHUNK: usize = 16 * 1024;
/// The largest number of bytes of each output stream, all of which are searched for secrets.
const MAX_OUTPUT_BYTES: usize = 64 * 1024 * 1024;

/// A command that pushes to an artifact. In its words, `{url}`, `{token}` and `{artifact}` are replaced by the values
/// of the recording server. The variables `ATLAS_ADDRESS`, `ATLAS_TOKEN` and `ATLAS_CONTRACT_ARTIFACT` have the same
/// values.
#[derive(Debug, Clone)]
pub struct Uploader {
    /// The program.
    pub program: String,
    /// The arguments of the program.
    pub arguments: Vec<String>,
    /// `USER/NAME` of the artifact.
    pub artifact: String,
    /// The time limit for a run.
    pub limit: Duration,
}

impl Uploader {
    /// Runs the command against a recording server of its own, and passes its output, on stdout and stderr, to `hear`
    /// as it is written.
    ///
    /// # Errors
    /// Fails when the recording server or the command does not start, when the command takes too long and is killed, or
    /// when it sends nothing or more than the recording server keeps.
    pub async fn observed(
        &self,
        scenario: Scenario,
        hear: impl Fn(&[u8]),
    ) -> Result<Observation, ClientError> {
        let server = RecordingServer::start(scenario, &self.artifact).await?;
        let child = self.start(&server)?;
        // If this future is dropped, for example after a signal, the group kills the command's own processes too.
        let group = ProcessGroup::of(&child);
        let limit = self.limit;
        let ended = timeout(limit, end(child, hear)).await;
        let (status, output) = ended.map_err(|_| ClientError::TimedOut { limit, scenario })??;
        group.has_ended();
        if server.is_full() {
            return Err(ClientError::TooMuchSent { scenario });
        }
        let observed = server.observed(status.success(), output);
        if observed.transactions.is_empty() {
            return Err(ClientError::NothingSent { scenario, status });
        }
        Ok(observed)
    }

    fn start(&self, server: &RecordingServer) -> Result<Child, ClientError> {
        let filled = |text: &String| {
            text.replace("{url}", server.url())
                .replace("{token}", server.token())
                .replace("{artifact}", &self.artifact)
        };
        let program = filled(&self.program);
        let mut command = Command::new(&program);
        ProcessGroup::prepare(&mut command);
        command
            .args(self.arguments.iter().map(filled))
            .env("ATLAS_ADDRESS", server.url())
            .env("ATLAS_TOKEN", server.token())
            .env("ATLAS_CONTRACT_ARTIFACT", &self.artifact)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| ClientError::NotStarted { program, source })
    }
}

/// Waits for the end of a command, and returns its status and its whole output.
async fn end(mut child: Child, hear: impl Fn(&[u8])) -> io::Result<(ExitStatus, String)> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (status, stdout, stderr) =
        tokio::try_join!(child.wait(), heard(stdout, &hear), heard(stderr, &hear))?;
    Ok((status, stdout + &stderr))
}

/// Reads a stream to its end, passes each chunk to `hear`, and returns the whole text.
async fn heard(stream: Option<impl AsyncRead + Unpin>, hear: impl Fn(&[u8])) -> io::Result<String> {
    let mut all = Vec::new();
    let mut chunk = vec![0; CHUNK];
    if let Some(mut stream) = stream {
        while let read @ 1.. = stream.read(&mut chunk).await? {
            let bytes = chunk.get(..read).unwrap_or_default();
            hear(bytes);
            if all.len() + read > MAX_OUTPUT_BYTES {
                let mib = MAX_OUTPUT_BYTES >> 20;
                return Err(io::Error::other(format!(
                    "it wrote more than {mib} MiB, which is the limit of the search for secrets"
                )));
            }
            all.extend_from_slice(bytes);
        }
    }
    Ok(String::from_utf8_lossy(&all).into_owned())
}
