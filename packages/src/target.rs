//! The systems that there are programs for, and what a program may need of its system.

use anyhow::{Context as _, Result, bail, ensure};
use goblin::Object;
use goblin::mach::load_command::CommandVariant;
use goblin::mach::{Mach, MachO, SingleArch};

/// A system and a processor.
pub struct Target {
    /// What Node calls it, which is the name of its folder and of its npm package.
    pub name: &'static str,
    /// What Rust calls it, which is in the names of archives.
    pub triple: &'static str,
    /// What Python calls it, if there is a wheel.
    pub wheel: Option<&'static str>,
}

/// All of them.
pub const TARGETS: [Target; 6] = [
    Target { name: "darwin-arm64", triple: "aarch64-apple-darwin", wheel: Some("macosx_11_0_arm64") },
    // Bundles have one program for both processors, which is made of the two.
    Target { name: "darwin-universal", triple: "universal2-apple-darwin", wheel: None },
    Target { name: "darwin-x64", triple: "x86_64-apple-darwin", wheel: Some("macosx_10_12_x86_64") },
    // A static program runs with every C library. A pip before 20.3 knows the first name alone.
    Target {
        name: "linux-arm64",
        triple: "aarch64-unknown-linux-musl",
        wheel: Some("manylinux2014_aarch64.manylinux_2_17_aarch64.musllinux_1_2_aarch64"),
    },
    Target {
        name: "linux-x64",
        triple: "x86_64-unknown-linux-musl",
        wheel: Some("manylinux2014_x86_64.manylinux_2_17_x86_64.musllinux_1_2_x86_64"),
    },
    // Windows on ARM runs it, too.
    Target { name: "win32-x64", triple: "x86_64-pc-windows-msvc", wheel: Some("win_amd64.win_arm64") },
];

impl Target {
    /// The system, as Node calls it.
    pub fn system(&self) -> &'static str {
        self.name.split_once('-').map_or(self.name, |(system, _)| system)
    }

    /// The processor, as Node calls it.
    pub fn processor(&self) -> &'static str {
        self.name.split_once('-').map_or("", |(_, processor)| processor)
    }

    /// Whether its programs run on this machine.
    pub fn runs_here(&self) -> bool {
        let system = match std::env::consts::OS {
            "macos" => "darwin",
            "windows" => "win32",
            system => system,
        };
        let processor = match std::env::consts::ARCH {
            "x86_64" => "x64",
            "aarch64" => "arm64",
            processor => processor,
        };
        self.system() == system && self.processor() == processor
    }

    /// The file name of the program.
    pub fn file(&self) -> &'static str {
        if self.system() == "win32" { "openai-mcp.exe" } else { "openai-mcp" }
    }

    /// What of its system a program loads, if it may: nothing on Linux, and what every macOS and Windows has.
    ///
    /// # Errors
    /// It is for another system, or needs what not every such system has.
    pub fn check(&self, program: &[u8]) -> Result<Vec<String>> {
        let (system, needs) = needs(program)?;
        if system != self.system() {
            bail!("the program of {} is for {system}", self.name);
        }
        let usual = |library: &str| match system {
            "darwin" => library.starts_with("/usr/lib/") || library.starts_with("/System/Library/Frameworks/"),
            "win32" => {
                let library = library.to_lowercase();
                library.starts_with("api-ms-win-") || WINDOWS.contains(&library.as_str())
            }
            _ => false,
        };
        if let Some(library) = needs.iter().find(|library| !usual(library)) {
            bail!("the program of {} needs {library}, which not every {system} has", self.name);
        }
        if let (Object::Mach(Mach::Binary(one)), Some(wheel)) = (Object::parse(program)?, self.wheel) {
            self.fits(&one, wheel)?;
        }
        Ok(needs)
    }

    /// Whether macOS starts it, from the version on that its wheel is for.
    fn fits(&self, program: &MachO<'_>, wheel: &str) -> Result<()> {
        let commands = || program.load_commands.iter().map(|command| &command.command);
        let least = commands().find_map(|command| match command {
            CommandVariant::BuildVersion(about) => Some(about.minos),
            CommandVariant::VersionMinMacosx(about) => Some(about.version),
            _ => None,
        });
        let least = least.with_context(|| format!("the program of {} tells no version of macOS", self.name))?;
        let (major, minor) = (least >> 16, least >> 8 & 0xff);
        ensure!(
            wheel.starts_with(&format!("macosx_{major}_{minor}_")),
            "the program of {} is for macOS {major}.{minor}, and its wheel says {wheel}",
            self.name
        );
        // One that says no name will do, and linkers make it.
        let signed = commands().any(|command| matches!(command, CommandVariant::CodeSignature(_)));
        ensure!(
            signed || self.processor() != "arm64",
            "the program of {} has no signature, so macOS ends it",
            self.name
        );
        Ok(())
    }
}

/// Libraries of every Windows since 10.
const WINDOWS: [&str; 17] = [
    "advapi32.dll",
    "bcrypt.dll",
    "bcryptprimitives.dll",
    "combase.dll",
    "crypt32.dll",
    "kernel32.dll",
    "msvcrt.dll",
    "ncrypt.dll",
    "ntdll.dll",
    "ole32.dll",
    "oleaut32.dll",
    "psapi.dll",
    "secur32.dll",
    "shell32.dll",
    "user32.dll",
    "userenv.dll",
    "ws2_32.dll",
];

/// One program for both processors of macOS, as Mach-O has it: a table, in big-endian words, of the programs that follow.
/// `mach-o/fat.h`
///
/// # Errors
/// One of them is no program of macOS.
pub fn universal(programs: [&[u8]; 2]) -> Result<Vec<u8>> {
    const MAGIC: u32 = 0xcafe_babe;
    /// Each begins on a page, the larger of both processors', as a power of 2.
    const PAGE: u32 = 14;
    let next = |length: usize| length.next_multiple_of(1 << PAGE);
    let mut words = vec![MAGIC, u32::try_from(programs.len())?];
    let mut offset = 1 << PAGE;
    for program in programs {
        let Object::Mach(Mach::Binary(one)) = Object::parse(program)? else { bail!("it is no program of macOS") };
        let header = one.header;
        words.extend([header.cputype, header.cpusubtype, u32::try_from(offset)?, u32::try_from(program.len())?, PAGE]);
        offset = next(offset + program.len());
    }
    let mut bytes: Vec<u8> = words.into_iter().flat_map(u32::to_be_bytes).collect();
    for program in programs {
        bytes.resize(next(bytes.len()), 0);
        bytes.extend_from_slice(program);
    }
    Ok(bytes)
}

/// The system of a program, and the libraries that it loads.
fn needs(program: &[u8]) -> Result<(&'static str, Vec<String>)> {
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let (system, mut needs) = match Object::parse(program).context("it is no program")? {
        Object::Elf(elf) => ("linux", owned(elf.interpreter.into_iter().chain(elf.libraries).collect())),
        Object::PE(pe) => ("win32", owned(pe.libraries)),
        // The first is the program itself.
        Object::Mach(Mach::Binary(one)) => ("darwin", owned(one.libs.into_iter().skip(1).collect())),
        Object::Mach(Mach::Fat(several)) => {
            let mut all = Vec::new();
            for one in &several {
                if let SingleArch::MachO(one) = one? {
                    all.extend(owned(one.libs.into_iter().skip(1).collect()));
                }
            }
            ("darwin", all)
        }
        _ => bail!("it is no program of a known system"),
    };
    needs.sort();
    needs.dedup();
    Ok((system, needs))
}
