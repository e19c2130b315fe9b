mod artifact;
mod others;
mod process;
