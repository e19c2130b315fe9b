//! Gzip as this crate writes it: one member, always with the same header. Either compressed on all
//! cores, or merely stored, so that its length is known beforehand.
//!
//! Several members would be easier, and faster by libdeflate, but the gzip readers of Ruby, Perl and
//! .NET Framework end at the first one without a word.

use std::io::{self, Write};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use flate2::{Compress, Compression, Crc, FlushCompress};

use crate::base::error::Cause;

/// No name, no time, no system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty deflate block that is the last one.
const END: [u8; 5] = [1, 0, 0, 0xff, 0xff];
const TRAILER: usize = 8;
/// What a stored deflate block holds at most.
const STORED: usize = 0xffff;
const STORED_HEADER: usize = 5;
/// What one core compresses at a time. Twice as much saves 0.2 % of the size, half costs 0.4 %.
const BLOCK: usize = 256 * 1024;
/// Each takes some 1.5 MiB, and one thread that reads files cannot feed more.
const MAX_THREADS: usize = 20;

/// How long a stored member of so much content is.
pub(super) fn stored_length(content: u64) -> u64 {
    let frame = HEADER.len() + END.len() + TRAILER;
    content + content.div_ceil(STORED as u64) * STORED_HEADER as u64 + frame as u64
}

/// Writes what `fill` writes into `out`, as a stored member.
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

/// Writes what `fill` writes into `out`, compressed. The first result is `out`'s, whose failure
/// makes `fill` fail too.
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
        // Workers end when there is nothing more to come, and the writer after the last of them.
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

/// Gives each worker a block in turn, which keeps them in order without a word.
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

/// Nobody takes the bytes any more, and whoever should says why.
fn lost(error: io::Error) -> Cause {
    Cause::Internal(error.to_string())
}

fn work(level: u32, todo: &Receiver<Vec<u8>>, done: &SyncSender<io::Result<Packed>>) {
    let mut deflate = Compress::new(Compression::new(level), false);
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
    // The first worker without a result is the one whose turn it would have been.
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

/// Deflate blocks that end at a byte, never more than if they were stored.
fn deflated(deflate: &mut Compress, block: &[u8]) -> io::Result<Vec<u8>> {
    deflate.reset();
    // Room for nine bits a byte, the worst of level 1: zlib-rs 0.6 panics there when it runs out.
    let mut out = Vec::with_capacity(block.len() + block.len() / 8 + 1024);
    deflate
        .compress_vec(block, &mut out, FlushCompress::Sync)
        .map_err(io::Error::other)?;
    if out.len() > block.len() + block.len().div_ceil(STORED) * STORED_HEADER {
        return Ok(stored(block));
    }
    Ok(out)
}

fn stored(block: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(block.len() + STORED_HEADER);
    for piece in block.chunks(STORED) {
        // A chunk is never longer than a u16 holds.
        let length = piece.len() as u16;
        out.push(0);
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(piece);
    }
    out
}

/// Cuts what is written into blocks of one size, but for the last one.
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

    /// Puts the last block.
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
