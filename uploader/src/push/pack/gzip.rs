//! Writes gzip as one member with a constant header, either compressed on all cores or merely stored, so that
//! the length is known beforehand.
//!
//! Several members would be simpler, and faster with libdeflate, but the gzip readers of Ruby, Perl and .NET
//! Framework stop silently after the first member.

use std::io::{self, Write};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use flate2::Crc;

use super::deflate::Deflate;
use crate::base::error::Cause;

/// The gzip header, without file name, time and operating system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty deflate block that is marked as the last.
const END: [u8; 5] = [1, 0, 0, 0xff, 0xff];
const TRAILER: usize = 8;
/// The maximum content of a stored deflate block.
const STORED: usize = 0xffff;
const STORED_HEADER: usize = 5;
/// The number of bytes that one core compresses at a time. Twice as much saves 0.2 % of the size,
/// half costs 0.4 %.
const BLOCK: usize = 256 * 1024;
/// The maximum number of workers. Each takes some 1.5 MiB, and one thread that reads files cannot feed more.
const MAX_THREADS: usize = 20;

/// Returns the length of a stored member with `content` bytes.
pub(super) fn stored_length(content: u64) -> u64 {
    let frame = HEADER.len() + END.len() + TRAILER;
    content + content.div_ceil(STORED as u64) * STORED_HEADER as u64 + frame as u64
}

/// Writes the output of `fill` to `out` as a stored member.
pub(super) fn store(
    out: &mut impl Write,
    fill: impl FnOnce(&mut Blocks<'_>) -> Result<(), Cause>,
) -> Result<(), Cause> {
    out.write_all(&HEADER).map_err(lost)?;
    let mut sum = Crc::new();
    let mut put = |block: Vec<u8>| {
        sum.update(&block);
        out.write_all(&stored(&block))
    };
    let mut blocks = Blocks::new(STORED, &mut put);
    fill(&mut blocks)?;
    blocks.finish().map_err(lost)?;
    end(out, &sum).map_err(lost)
}

/// Compresses the output of `fill` into `out`. The first result belongs to `out`, whose failure makes `fill`
/// fail too.
pub(super) fn compress<W: Write + Send>(
    out: W,
    level: u32,
    fill: impl FnOnce(&mut Blocks<'_>) -> Result<(), Cause>,
) -> (io::Result<W>, Result<(), Cause>) {
    thread::scope(|scope| {
        let workers = (0..threads()).map(|_| {
            let (jobs, todo) = sync_channel(1);
            let (done, results) = sync_channel(1);
            scope.spawn(move || work(level, &todo, &done));
            (jobs, results)
        });
        let (jobs, results): (Vec<_>, Vec<_>) = workers.unzip();
        let writer = scope.spawn(move || write(out, &results));
        let filled = deal(&jobs, fill);
        // The workers end when the senders are dropped, and the writer ends after the last worker.
        drop(jobs);
        let written = writer.join();
        let written = written.unwrap_or_else(|_| Err(io::Error::other("the writer panicked")));
        (written, filled)
    })
}

fn threads() -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    cores.min(MAX_THREADS)
}

/// Gives the workers a block each in turn, which preserves the order without further synchronisation.
fn deal(
    jobs: &[SyncSender<Vec<u8>>],
    fill: impl FnOnce(&mut Blocks<'_>) -> Result<(), Cause>,
) -> Result<(), Cause> {
    let mut turn = jobs.iter().cycle();
    let mut put = |block| {
        let sent = turn.next().and_then(|worker| worker.send(block).ok());
        sent.ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    };
    let mut blocks = Blocks::new(BLOCK, &mut put);
    fill(&mut blocks)?;
    blocks.finish().map_err(lost)
}

/// Returns the error for a receiver that stopped receiving; the receiver's own error tells the reason.
fn lost(error: io::Error) -> Cause {
    Cause::Internal(error.to_string())
}

fn work(level: u32, todo: &Receiver<Vec<u8>>, done: &SyncSender<io::Result<Packed>>) {
    let mut deflate = Deflate::new(level);
    for block in todo {
        let mut sum = Crc::new();
        sum.update(&block);
        let packed = deflated(&mut deflate, &block).map(|deflate| Packed { deflate, sum });
        if done.send(packed).is_err() {
            return;
        }
    }
}

struct Packed {
    deflate: Vec<u8>,
    sum: Crc,
}

fn write<W: Write>(mut out: W, results: &[Receiver<io::Result<Packed>>]) -> io::Result<W> {
    out.write_all(&HEADER)?;
    let mut sum = Crc::new();
    // The results come in turn, so the first worker without a result marks the end.
    for packed in results
        .iter()
        .cycle()
        .map_while(|worker| worker.recv().ok())
    {
        let packed = packed?;
        sum.combine(&packed.sum);
        out.write_all(&packed.deflate)?;
    }
    end(&mut out, &sum)?;
    Ok(out)
}

fn end(out: &mut impl Write, sum: &Crc) -> io::Result<()> {
    out.write_all(&END)?;
    out.write_all(&sum.sum().to_le_bytes())?;
    out.write_all(&sum.amount().to_le_bytes())?;
    out.flush()
}

/// Compresses a block into deflate blocks that end at a byte boundary and are never longer than stored ones.
fn deflated(deflate: &mut Deflate, block: &[u8]) -> io::Result<Vec<u8>> {
    let out = deflate.block(block)?;
    if out.len() > block.len() + block.len().div_ceil(STORED) * STORED_HEADER {
        return Ok(stored(block));
    }
    Ok(out)
}

fn stored(block: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(block.len() + STORED_HEADER);
    for piece in block.chunks(STORED) {
        // A chunk has at most `STORED` bytes, so its length fits into a u16.
        let length = piece.len() as u16;
        out.push(0);
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(piece);
    }
    out
}

/// A writer that cuts its input into blocks of one size; the last block may be shorter.
pub(super) struct Blocks<'a> {
    size: usize,
    block: Vec<u8>,
    put: &'a mut dyn FnMut(Vec<u8>) -> io::Result<()>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(size: usize, put: &'a mut dyn FnMut(Vec<u8>) -> io::Result<()>) -> Self {
        Self {
            size,
            block: Vec::with_capacity(size),
            put,
        }
    }

    /// Passes on the last block.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()
    }
}

impl Write for Blocks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.size - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == self.size {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let next = Vec::with_capacity(self.size);
        (self.put)(std::mem::replace(&mut self.block, next))
    }
}
