//! What the system says of this process, where it does (`/proc`, on Linux).

use std::fs;

/// The memory that it has in the machine, in bytes.
pub(super) fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    field(&status, "VmRSS:")?.checked_mul(1024)
}

/// How many files and connections it has open.
pub(super) fn open_fds() -> Option<usize> {
    // One of them is the directory that is read here.
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1))
}

/// How many it may have.
pub(super) fn max_fds() -> Option<u64> {
    field(&fs::read_to_string("/proc/self/limits").ok()?, "Max open files")
}

/// The number behind a name at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_behind_a_name_is_read() {
        assert_eq!(field("VmPeak:\t  900 kB\nVmRSS:\t  864 kB\n", "VmRSS:"), Some(864));
        assert_eq!(
            field("Max processes  7 8 p\nMax open files   1024    524288   files\n", "Max open files"),
            Some(1024)
        );
        assert_eq!(field("Max open files   unlimited    unlimited   files\n", "Max open files"), None);
        assert_eq!(field("", "VmRSS:"), None);
    }
}
