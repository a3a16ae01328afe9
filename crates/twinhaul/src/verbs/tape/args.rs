//! The flags of `twinhaul tape …`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct TapeArgs {
    #[command(subcommand)]
    pub(crate) verb: TapeVerb,
    /// The library's directory
    #[arg(long, short = 'L', global = true, env = "TWINHAUL_LIBRARY", default_value = ".")]
    pub(crate) library: PathBuf,
    /// Print JSON on stdout
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TapeVerb {
    /// Make a library with labelled cartridges, or add cartridges to one
    Init(InitArgs),
    /// Drives, cartridges, and who waits for what
    Ls,
    /// The data sets of a cartridge, and what is live in them
    Map { barcode: String },
    /// The archive of a data set to standard output (a tar), or one object
    Cat {
        /// The cartridge, or with --key nothing
        #[arg(required_unless_present = "key")]
        barcode: Option<String>,
        /// Number of the data set on the cartridge, as `map` and `hetmap` count
        #[arg(default_value_t = 1)]
        file: u64,
        /// This object instead, wherever it lies
        #[arg(long, conflicts_with = "barcode")]
        key: Option<String>,
    },
    /// The labels of a cartridge as they are, without the catalogue
    Scan { barcode: String },
    /// Read everything and compare checksums; damage is named by object
    Verify {
        /// Only these cartridges
        barcodes: Vec<String>,
    },
    /// Make the catalogue again from the cartridges alone
    Rebuild,
    /// Copy what is live away from cartridges that are mostly dead, and empty them
    Reclaim {
        /// Only this cartridge, full or not
        barcode: Option<String>,
        /// Per cent of live bytes below which it is worth it
        #[arg(long, default_value_t = 40)]
        below: u64,
    },
    /// A cartridge in another format
    Export {
        barcode: String,
        /// A new file
        to: PathBuf,
        #[arg(long, value_parser = ["het", "tap"], default_value = "tap")]
        format: String,
    },
    /// Empty a cartridge and label it anew
    Label {
        barcode: String,
        /// Also if it holds something, or is not ours
        #[arg(long)]
        force: bool,
        #[arg(long, value_parser = ["ibm", "ansi"])]
        labels: Option<String>,
    },
    /// Take a cartridge in: one that was ejected, that lies in the slots unknown, or a file
    Import {
        barcode: String,
        /// A file to copy into the slot
        #[arg(long)]
        from: Option<PathBuf>,
    },
    /// Take a cartridge out of the library
    Eject { barcode: String },
    /// No more writing to a cartridge
    Protect {
        barcode: String,
        /// Writing is allowed again
        #[arg(long)]
        off: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// So many cartridges more in a library that is there
    #[arg(long)]
    pub(crate) add: Option<u64>,
    #[arg(long)]
    pub(crate) drives: Option<u64>,
    #[arg(long)]
    pub(crate) slots: Option<u64>,
    /// Made and labelled with the library
    #[arg(long)]
    pub(crate) cartridges: Option<u64>,
    /// Of each cartridge, such as "20 GiB"
    #[arg(long)]
    pub(crate) capacity: Option<String>,
    #[arg(long, value_parser = ["ibm", "ansi"])]
    pub(crate) labels: Option<String>,
    #[arg(long)]
    pub(crate) pool: Option<String>,
    /// First characters of the barcodes: A makes A00001L8
    #[arg(long)]
    pub(crate) prefix: Option<String>,
}
