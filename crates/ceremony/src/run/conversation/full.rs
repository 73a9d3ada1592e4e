//! The whole screen: where the ceremony is, who is at the keyboard, and what comes next.
//!
//! ```text
//!  Root key of payments                                      REHEARSAL  14:03 UTC
//!
//!  ✓ open  ✓ environment  ✓ deal  ▸ hand-out  · acknowledge  · commit  · export
//!
//!  Step 4 of 8: hand-out
//!  Each custodian gets one share, in the way that the plan says, and nobody sees
//!  another's.
//!  Next: acknowledge
//!  Shares ▰▰▰▰▰▰▰▰▰▰▰▰▰▰▱▱▱▱▱▱▱ 2/3
//!
//!  what was said last
//!
//!  At the keyboard: Ada Byron (custodian)
//!  only you may see the screen now; everybody else turns away. Press Enter
//!  ▸
//! ```
//!
//! It is drawn for 24 lines of 80 columns, anew at each turn, on the terminal's alternate screen. Nothing secret is ever part
//! of it: shares, and what is for one person's eyes, come on a screen that holds nothing else and is cleared.

use std::any::Any;
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufRead, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use super::console::CLEAR;
use super::layout::{WIDTH, harmless, repeated, wrapped};
use super::{Console, Conversation, Gone, Stage};
use crate::plan::{Person, Step};

/// The whole screen.
pub struct Full<R: BufRead, W: Write> {
    console: Console<R, W>,
    view: View,
    entered: bool,
    screen: Option<Box<dyn Any>>,
}

impl<R: BufRead, W: Write> Full<R, W> {
    /// A screen over a console. It is entered at once, and left by [`close`](Self::close) or when this is dropped.
    ///
    /// # Errors
    ///
    /// [`Gone`] when there is no terminal.
    pub fn new(mut console: Console<R, W>) -> Result<Self, Gone> {
        let screen = console.enter()?;
        Ok(Self { console, view: View::default(), entered: true, screen })
    }

    /// Leaves the screen. Comes back with what everybody was told, since nothing of it is to be seen any more.
    pub fn close(mut self) -> Vec<String> {
        self.leave();
        std::mem::take(&mut self.view.told)
    }

    fn leave(&mut self) {
        if std::mem::take(&mut self.entered) {
            // Nobody can be told when the terminal is gone, and then nothing shows either.
            let _ = self.console.leave(self.screen.take());
        }
    }

    fn draw(&mut self) -> Result<(), Gone> {
        let text = self.view.drawn(now());
        self.console.say(&text)
    }

    fn asked(&mut self, who: &Person, question: &str) -> Result<(), Gone> {
        let roles: Vec<_> = who.roles.iter().map(|role| role.word()).collect();
        self.view.asked = Some((format!("{} ({})", who.name, roles.join(", ")), question.to_owned()));
        self.console.discard()?;
        self.draw()
    }

    fn apart<T>(&mut self, show: impl FnOnce(&mut Console<R, W>) -> Result<T, Gone>) -> Result<T, Gone> {
        self.console.say(CLEAR)?;
        let shown = show(&mut self.console);
        self.console.say(CLEAR)?;
        shown
    }
}

impl<R: BufRead, W: Write> Drop for Full<R, W> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<R: BufRead, W: Write> Conversation for Full<R, W> {
    fn stage(&mut self, stage: &Stage<'_>) -> Result<(), Gone> {
        let view = &mut self.view;
        stage.title.clone_into(&mut view.title);
        view.steps = stage.steps.to_vec();
        view.number = stage.number;
        view.rehearsal = stage.rehearsal;
        (view.progress, view.asked) = (None, None);
        view.lines.clear();
        view.told.push(format!("== {} ==", stage.step));
        self.draw()
    }

    fn tell(&mut self, text: &str) -> Result<(), Gone> {
        self.view.tell(text);
        self.draw()
    }

    fn ask(&mut self, who: &Person, question: &str) -> Result<String, Gone> {
        self.asked(who, question)?;
        let view = &self.view;
        let answer = self.console.line(|console| console.say(&view.drawn(now())))?;
        self.view.tell(&format!("{}: {}", who.name, repeated(&answer)));
        self.view.asked = None;
        Ok(answer)
    }

    fn secret(&mut self, who: &Person, question: &str) -> Result<Zeroizing<String>, Gone> {
        self.asked(who, &format!("{question} (nothing is shown)"))?;
        let typed = self.console.hidden()?;
        self.view.asked = None;
        Ok(typed)
    }

    fn private(&mut self, who: &Person, text: &str, question: &str) -> Result<String, Gone> {
        self.apart(|console| console.private(who, text, question))
    }

    fn show_share(&mut self, who: &Person, heading: &str, share: &str) -> Result<(), Gone> {
        self.asked(who, "only you may see the screen now; everybody else turns away. Press Enter")?;
        let view = &self.view;
        self.console.line(|console| console.say(&view.drawn(now())))?;
        self.view.asked = None;
        self.apart(|console| console.until_written_down(who, heading, share))?;
        self.tell(&format!("{} has written the share down.", who.name))
    }

    fn progress(&mut self, have: usize, need: usize) -> Result<(), Gone> {
        self.view.progress = Some((have, need));
        self.draw()
    }
}

#[cfg(test)]
impl<R: BufRead> Full<R, Vec<u8>> {
    /// Everything that was shown since this was asked last.
    pub(super) fn shown(&mut self) -> String {
        String::from_utf8(std::mem::take(self.console.output_mut())).unwrap_or_default()
    }
}

/// What everybody may see.
#[derive(Default)]
struct View {
    title: String,
    steps: Vec<Step>,
    /// Of the present step, from 1.
    number: usize,
    rehearsal: bool,
    progress: Option<(usize, usize)>,
    /// What was said in this step, in lines of the screen's width.
    lines: VecDeque<String>,
    /// Everything that was said.
    told: Vec<String>,
    /// Who is asked, and what.
    asked: Option<(String, String)>,
}

impl View {
    fn tell(&mut self, text: &str) {
        let text = harmless(text);
        self.lines.extend(text.lines().flat_map(wrapped));
        self.told.push(text);
    }

    fn drawn(&self, now: u64) -> String {
        let mut head = vec![self.bar(now), String::new()];
        head.extend(self.places());
        head.push(String::new());
        if let Some(step) = self.number.checked_sub(1).and_then(|place| self.steps.get(place)) {
            head.push(format!("{BOLD}Step {} of {}: {step}{PLAIN}", self.number, self.steps.len()));
            head.extend(wrapped(step.explained()));
            head.extend(self.steps.get(self.number).map(|next| format!("{DIM}Next: {next}{PLAIN}")));
        }
        if let Some((have, need)) = self.progress {
            let full = have.saturating_mul(BAR).checked_div(need).unwrap_or(0).min(BAR);
            let bar = format!("{}{}", "▰".repeat(full), "▱".repeat(BAR.saturating_sub(full)));
            head.push(format!("Shares {bar} {have}/{need}"));
        }
        head.push(String::new());
        let mut foot = vec![String::new()];
        if let Some((who, question)) = &self.asked {
            foot.extend(
                wrapped(&format!("At the keyboard: {who}")).map(|line| format!("{BOLD}{line}{PLAIN}")),
            );
            foot.extend(wrapped(question));
            foot.push("▸ ".to_owned());
        }
        let room = LINES.saturating_sub(head.len()).saturating_sub(foot.len()).max(LEAST);
        let said = self.lines.iter().skip(self.lines.len().saturating_sub(room));
        let mut text = CLEAR.to_owned();
        let all = head.iter().chain(said).chain(&foot);
        for (place, line) in all.enumerate() {
            let end = if place == 0 { "" } else { "\n" };
            // Writing into a string does not fail.
            let _ = write!(text, "{end} {line}");
        }
        text
    }

    /// Title and time.
    fn bar(&self, now: u64) -> String {
        let mark = if self.rehearsal { "REHEARSAL  " } else { "" };
        let (hours, minutes) = (now / 3600 % 24, now / 60 % 60);
        let right = format!("{mark}{hours:02}:{minutes:02} UTC");
        let left: String = self.title.chars().take(WIDTH.saturating_sub(right.len() + 2)).collect();
        let gap = WIDTH.saturating_sub(left.chars().count() + right.len());
        format!("{REVERSE}{left}{}{right}{PLAIN}", " ".repeat(gap))
    }

    /// The steps: done, present, to come.
    fn places(&self) -> Vec<String> {
        let mut lines = vec![String::new()];
        let mut width = 0;
        for (place, step) in (1..).zip(&self.steps) {
            let needed = step.word().len() + 4;
            if width + needed > WIDTH {
                lines.push(String::new());
                width = 0;
            }
            width += needed;
            let Some(line) = lines.last_mut() else { continue };
            let (before, after) = match place.cmp(&self.number) {
                Ordering::Less => ("✓ ", ""),
                Ordering::Equal => ("\x1b[1m▸ ", PLAIN),
                Ordering::Greater => ("\x1b[2m· ", PLAIN),
            };
            line.extend([before, step.word(), after, "  "]);
        }
        lines
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

const LINES: usize = 24;
/// So many lines of what was said are shown, even where that is more than fits.
const LEAST: usize = 3;
const BAR: usize = 21;
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const REVERSE: &str = "\x1b[7m";
const PLAIN: &str = "\x1b[0m";

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::console::tests::ada;
    use super::super::console::{ENTER, LEAVE};
    use super::*;
    use crate::plan::Kind;

    fn full(typed: &str, secrets: &[&str]) -> Full<Cursor<Vec<u8>>, Vec<u8>> {
        let mut secrets: VecDeque<String> = secrets.iter().map(|&secret| secret.to_owned()).collect();
        let next = move || {
            let next = secrets.pop_front().map(Zeroizing::new);
            next.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::UnexpectedEof))
        };
        Full::new(Console::new(Cursor::new(typed.as_bytes().to_vec()), Vec::new(), Box::new(next))).unwrap()
    }

    /// What stands on the screen, without its colours.
    fn screen(view: &View) -> String {
        let drawn = view.drawn(50_580);
        let plain =
            [CLEAR, BOLD, DIM, REVERSE, PLAIN].iter().fold(drawn, |text, code| text.replace(code, ""));
        plain.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn screen_says_where_the_ceremony_is_and_who_is_asked() {
        let mut view = View {
            title: "Root key of payments".to_owned(),
            steps: Kind::Create.steps().to_vec(),
            number: 4,
            rehearsal: true,
            progress: Some((2, 3)),
            asked: Some(("Ada (custodian)".to_owned(), "Press Enter".to_owned())),
            ..View::default()
        };
        view.tell("Grace has written the share down.");
        let expected = "
 Root key of payments                                      REHEARSAL  14:03 UTC

 ✓ open  ✓ environment  ✓ deal  ▸ hand-out  · acknowledge  · commit  · export
 · close

 Step 4 of 8: hand-out
 Each custodian gets one share, in the way that the plan says, and nobody sees
 another's.
 Next: acknowledge
 Shares ▰▰▰▰▰▰▰▰▰▰▰▰▰▰▱▱▱▱▱▱▱ 2/3

 Grace has written the share down.

 At the keyboard: Ada (custodian)
 Press Enter
 ▸";
        assert_eq!(format!("\n{}", screen(&view)), expected);
    }

    #[test]
    fn screen_never_grows_beyond_24_lines_of_80() {
        for kind in Kind::ALL {
            let mut view = View { steps: kind.steps().to_vec(), title: "t".repeat(200), ..View::default() };
            for number in 1..=kind.steps().len() {
                view.number = number;
                view.progress = Some((200, 3));
                view.tell(&"a longer text ".repeat(20));
                view.tell(&"x".repeat(200));
                view.asked = Some(("A".repeat(200), "q".repeat(200)));
                let screen = screen(&view);
                assert!(screen.lines().count() <= 24, "{screen}");
                assert!(screen.lines().all(|line| line.chars().count() < 80), "{screen}");
            }
        }
    }

    #[test]
    fn share_is_alone_on_the_screen_and_gone_before_anything_else_comes() {
        let mut full = full("\nyes\n", &["wrong", "ABCDEF"]);
        full.show_share(&ada(), "Share 1", "sr1qqq abcdef").unwrap();
        full.ask(&ada(), "and now?").unwrap();
        full.leave();
        assert!(!full.view.told.concat().contains("abcdef"));
        let shown = full.shown();
        assert!(shown.starts_with(ENTER) && shown.ends_with(LEAVE));
        let screens: Vec<&str> = shown.split(CLEAR).filter(|screen| screen.contains("abcdef")).collect();
        assert_eq!(screens.len(), 1, "on one screen");
        let alone =
            |screen: &&str| screen.starts_with("For Ada alone.\n\nShare 1") && !screen.contains("keyboard");
        assert!(screens.iter().all(alone));
    }

    #[test]
    fn share_that_answers_a_question_is_neither_shown_nor_told_at_the_end() {
        let share = "sr1qqqqqqqqqqzs3x2c37alc3zyk9ne8y42ad7t2vjk3m5n6p8uw0ff4c2exj5mt3yh77ll2s";
        let mut full = full(&format!("{share}\n\x1b[31mno\n"), &[]);
        full.ask(&ada(), "are you here?").unwrap();
        full.ask(&ada(), "and now?").unwrap();
        let shown = full.shown();
        assert!(!shown.contains("\x1b[31m"), "what was typed is not obeyed");
        let told = full.close().join("\n");
        assert!(told.contains("Ada: [withheld") && told.contains("[31mno"), "{told}");
        assert!(!told.contains("3zyk9ne") && !shown.contains("3zyk9ne"));
    }

    #[test]
    fn screen_is_left_when_the_people_are_gone() {
        let mut output = Vec::new();
        let secret = Box::new(|| Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)));
        let mut full = Full::new(Console::new(Cursor::new(b"\n".to_vec()), &mut output, secret)).unwrap();
        assert!(full.show_share(&ada(), "Share 1", "sr1qqq abcdef").is_err());
        drop(full);
        assert!(String::from_utf8(output).unwrap().ends_with(LEAVE));
    }
}
