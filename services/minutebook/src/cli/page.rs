//! The paper that answers for people are written on: lines for a terminal, or Markdown.

use std::io::{self, IsTerminal as _, Write as _};

use super::failure::Failure;

/// How wide text is where no terminal says otherwise.
const WIDTH: usize = 100;
/// Narrower terminals are written as if they were this wide.
const NARROWEST: usize = 40;

const BOLD: &str = "\u{1b}[1m";
const LOUD: &str = "\u{1b}[1;33m";
const PLAIN: &str = "\u{1b}[0m";

/// What a page is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    /// Lines of at most this many characters.
    Lines {
        /// The most characters on a line.
        width: usize,
        /// With colours.
        colour: bool,
    },
    /// Markdown.
    Markdown,
}

impl Medium {
    /// Standard output as it is: as wide as its terminal, with colours only there, and not where `NO_COLOR` is set.
    pub(crate) fn stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let width = terminal_size::terminal_size().filter(|_| terminal).map(|(width, _)| usize::from(width.0));
        let quiet = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self::Lines { width: width.unwrap_or(WIDTH).max(NARROWEST), colour: terminal && !quiet }
    }
}

/// An answer as it is being written.
#[derive(Debug)]
pub(crate) struct Page {
    medium: Medium,
    text: String,
}

impl Page {
    /// An empty page.
    pub(crate) fn new(medium: Medium) -> Self {
        Self { medium, text: String::new() }
    }

    /// What the page is about.
    pub(crate) fn title(&mut self, text: &str) {
        self.gap();
        match self.medium {
            Medium::Lines { .. } => self.lines("", "", text, text.len(), BOLD),
            Medium::Markdown => self.put(&format!("# {}\n", escaped(text))),
        }
    }

    /// What nobody may overlook.
    pub(crate) fn banner(&mut self, text: &str) {
        match self.medium {
            Medium::Lines { .. } => self.lines("", "", text, text.len(), LOUD),
            Medium::Markdown => self.put(&format!("\n> **{}**\n", escaped(text))),
        }
    }

    /// A part of the page.
    pub(crate) fn section(&mut self, text: &str) {
        self.gap();
        match self.medium {
            Medium::Lines { .. } => self.lines("", "", text, text.len(), BOLD),
            Medium::Markdown => self.put(&format!("## {}\n\n", escaped(text))),
        }
    }

    /// A paragraph.
    pub(crate) fn note(&mut self, text: &str) {
        match self.medium {
            Medium::Lines { .. } => self.lines("", "", text, 0, PLAIN),
            Medium::Markdown => {
                self.gap();
                self.put(&format!("{}\n", escaped(text)));
            }
        }
    }

    /// An entry of a list: what it is, and more about it.
    pub(crate) fn item(&mut self, head: &str, rest: &str) {
        self.entry(1, head, rest);
    }

    /// An entry that stands this deep in a tree.
    pub(crate) fn entry(&mut self, depth: usize, head: &str, rest: &str) {
        let colon = if rest.is_empty() { "" } else { ": " };
        match self.medium {
            Medium::Lines { .. } => {
                let indent = "  ".repeat(depth);
                self.lines(&indent, &format!("{indent}  "), &format!("{head}{colon}{rest}"), head.len(), BOLD);
            }
            Medium::Markdown => {
                let indent = "  ".repeat(depth.saturating_sub(1));
                self.put(&format!("{indent}- **{}**{colon}{}\n", escaped(head), escaped(rest)));
            }
        }
    }

    /// A named detail of the entry before it.
    pub(crate) fn detail(&mut self, name: &str, text: &str) {
        self.detail_at(2, name, text);
    }

    /// A named detail that stands this deep in a tree.
    pub(crate) fn detail_at(&mut self, depth: usize, name: &str, text: &str) {
        let line = if name.is_empty() { text.to_owned() } else { format!("{name}: {text}") };
        match self.medium {
            Medium::Lines { .. } => {
                let indent = "  ".repeat(depth);
                self.lines(&indent, &format!("{indent}  "), &line, 0, PLAIN);
            }
            Medium::Markdown => {
                let indent = "  ".repeat(depth.saturating_sub(1));
                self.put(&format!("{indent}- {}\n", escaped(&line)));
            }
        }
    }

    /// Rows under the names of their columns; the first column is as wide as its longest entry. Never wrapped.
    pub(crate) fn table(&mut self, names: &[String], rows: &[Vec<String>]) {
        self.gap();
        let all = || std::iter::once(names).chain(rows.iter().map(Vec::as_slice));
        let width = |n: usize| all().filter_map(|row| row.get(n)).map(|cell| cell.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..names.len()).map(width).collect();
        for (n, row) in all().enumerate() {
            let cells = row.iter().zip(&widths);
            let line = match self.medium {
                Medium::Lines { .. } => cells
                    .map(|(cell, width)| format!("{cell:<width$}"))
                    .collect::<Vec<_>>()
                    .join("  ")
                    .trim_end()
                    .to_owned(),
                Medium::Markdown => {
                    format!("| {} |", row.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" | "))
                }
            };
            let indent = if self.medium == Medium::Markdown { "" } else { "  " };
            self.put(&format!("{indent}{line}\n"));
            if n == 0 && self.medium == Medium::Markdown {
                self.put(&format!("|{}\n", " --- |".repeat(names.len())));
            }
        }
    }

    /// A command as it can be typed: never wrapped.
    pub(crate) fn command(&mut self, text: &str) {
        match self.medium {
            Medium::Lines { .. } => self.put(&format!("  $ {text}\n")),
            Medium::Markdown => self.put(&format!("\n```sh\n{text}\n```\n")),
        }
    }

    /// An empty line, unless the page is empty or ends with one.
    pub(crate) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// The text, a line at least.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Wraps a text; its first `marked` bytes are set in a style.
    fn lines(&mut self, first: &str, rest: &str, text: &str, marked: usize, style: &str) {
        let Medium::Lines { width, colour } = self.medium else { return };
        let mut left = if colour { marked } else { 0 };
        for (n, line) in wrap(text, width.saturating_sub(rest.len()).max(NARROWEST / 2)).into_iter().enumerate() {
            self.text.push_str(if n == 0 { first } else { rest });
            match line.split_at_checked(left.min(line.len())) {
                Some((head, tail)) if left > 0 => {
                    self.text.extend([style, head, PLAIN, tail]);
                    left = left.saturating_sub(line.len() + 1);
                }
                _ => self.text.push_str(&line),
            }
            self.text.push('\n');
        }
    }
}

/// The lines of a text, broken between words. Other control characters cannot reach a terminal.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        let mut taken = 0;
        for word in paragraph.split(' ') {
            let length = word.chars().count();
            if taken > 0 && taken + 1 + length > width {
                lines.push(std::mem::take(&mut line));
                taken = 0;
            } else if taken > 0 {
                line.push(' ');
                taken += 1;
            }
            line.extend(word.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }));
            taken += length;
        }
        lines.push(line);
    }
    lines
}

/// Text that Markdown shows as it is; what stands between backticks stays code.
fn escaped(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // Without a partner, or side by side, backticks would be read otherwise than they are paired here.
    let within = |n: usize| n > 0 && n + 1 < parts.len();
    let paired =
        !parts.len().is_multiple_of(2) && !parts.iter().enumerate().any(|(n, part)| within(n) && part.is_empty());
    let mut out = String::with_capacity(text.len());
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            out.push_str(if paired { "`" } else { "\\`" });
        }
        let is_code = paired && !n.is_multiple_of(2);
        for c in part.chars() {
            match c {
                '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' if !is_code => out.extend(['\\', c]),
                '\n' => out.push(' '),
                c if c.is_control() => out.push('\u{fffd}'),
                c => out.push(c),
            }
        }
    }
    out
}

/// Prints a text. A reader that has gone (`| head`) is not an error to tell anybody.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// Prints bytes as they are.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| Failure::of_output(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(medium: Medium) -> String {
        let mut page = Page::new(medium);
        page.title("A title");
        page.section("Added (1)");
        page.item("action a", "a label of more than forty characters in all");
        page.detail("reason", "because *so*");
        page.into_text()
    }

    #[test]
    fn lines_are_wrapped_between_words() {
        let text = page(Medium::Lines { width: 40, colour: false });
        let entry = "  action a: a label of more than forty\n    characters in all\n    reason: because *so*\n";
        assert_eq!(text, format!("A title\n\nAdded (1)\n{entry}"));
    }

    #[test]
    fn markdown_shows_text_as_it_is() {
        let text = page(Medium::Markdown);
        assert!(text.contains("- **action a**: a label"), "{text}");
        assert!(text.contains("  - reason: because \\*so\\*\n"), "{text}");
    }

    #[test]
    fn what_stands_between_backticks_stays_code_in_markdown() {
        assert_eq!(escaped("`plan_it --write` *adds*"), "`plan_it --write` \\*adds\\*");
        assert_eq!(escaped("one ` alone <b>"), "one \\` alone \\<b\\>");
        assert_eq!(escaped("``<b>``"), "\\`\\`\\<b\\>\\`\\`");
    }

    #[test]
    fn colours_stay_out_of_the_count_and_control_characters_off_the_terminal() {
        let mut page = Page::new(Medium::Lines { width: 40, colour: true });
        page.item("action a", "x\u{1b}[2Jy");
        assert_eq!(page.into_text(), "  \u{1b}[1maction a\u{1b}[0m: x\u{fffd}[2Jy\n");
    }
}
