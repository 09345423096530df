//! What the kernel tells of this process.

use std::fs;

/// Ticks a second in `/proc`: what Linux tells programs on every processor that Rust builds for (USER_HZ), whatever its own clock.
const TICKS_PER_S: f64 = 100.0;

/// What the kernel tells of this process.
#[derive(Debug, PartialEq)]
pub(super) struct Process {
    pub(super) cpu_s: f64,
    /// Seconds since 1970.
    pub(super) started_s: f64,
    pub(super) resident: u64,
    pub(super) virtual_size: u64,
    pub(super) threads: u64,
    pub(super) fds: Option<u64>,
    /// None: no limit.
    pub(super) max_fds: Option<u64>,
}

impl Process {
    /// Asks the kernel; `None` where there is no `/proc`.
    pub(super) fn look() -> Option<Process> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let system = fs::read_to_string("/proc/stat").ok()?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let fds = fs::read_dir("/proc/self/fd").ok();
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        Some(Process {
            // One of them is the listing's own.
            fds: fds.map(|fds| (fds.count() as u64).saturating_sub(1)),
            max_fds: limit.current,
            ..Process::read(&stat, &status, &system)?
        })
    }

    /// Reads proc(5)'s `/proc/PID/stat`, `/proc/PID/status` and `/proc/stat`.
    fn read(stat: &str, status: &str, system: &str) -> Option<Process> {
        // The name may have blanks and parentheses in it.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        // The first one behind the name is number 3 in proc(5).
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let booted = number_behind(system, "btime ")?;
        let kib = |name| Some(number_behind(status, name)? * 1024);
        Some(Process {
            cpu_s: (field(14)? + field(15)?) as f64 / TICKS_PER_S,
            started_s: booted as f64 + field(22)? as f64 / TICKS_PER_S,
            resident: kib("VmRSS:")?,
            virtual_size: kib("VmSize:")?,
            threads: number_behind(status, "Threads:")?,
            fds: None,
            max_fds: None,
        })
    }
}

/// The first number on the line that begins with `name`.
fn number_behind(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_parentheses_is_passed_over() {
        let stat =
            "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 12300 4096000 25";
        let status = "Name:\ta\nVmSize:\t    4000 kB\nVmRSS:\t     100 kB\nThreads:\t9\n";
        let read = Process::read(stat, status, "cpu 1 2\nbtime 1000\nprocesses 3\n");
        let expected = Process {
            cpu_s: 3.0,
            started_s: 1123.0,
            resident: 100 * 1024,
            virtual_size: 4000 * 1024,
            threads: 9,
            fds: None,
            max_fds: None,
        };
        assert_eq!(read, Some(expected));
        assert_eq!(Process::read("7 (a) S 1", status, "btime 1000"), None);
    }
}
