//! `sluice rollout watch`: shows a rollout plan while it runs, until it ends.

mod change_lines;
mod event_parser;
mod feed;
mod screen;
mod view;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde_json::{Map, Value};

use self::change_lines::change_lines;
use self::event_parser::ServerEvent;
use self::feed::{Feed, FeedItem};
use self::screen::Screen;
use crate::cli::exit::Exit;
use crate::cli::output::{self, OutputFormat};
use crate::cli::render::json;
use crate::cli::session::{ConnectionOptions, Session};

/// The time between two views without an event.
const REDRAW: Duration = Duration::from_secs(1);
/// The least time without a byte after which the connection counts as lost. The server sends one every 15 s.
const MIN_TIMEOUT: Duration = Duration::from_secs(35);

/// Shows a plan while it runs: stage, time left, each check from 0 to its bound, both arms, and what it waits for.
///
/// On a terminal it redraws its view until the plan ends, or until Ctrl-C. Otherwise it prints a line for each change of
/// the state, the stage or a verdict. With --json it prints one JSON object for each event. A lost connection is made
/// again.
///
/// Exit code 0: the plan was completed. 1: it was rolled back, cancelled or removed. 3: the server cannot be reached. 130:
/// ended by Ctrl-C, while the plan continues.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The flag's key.
    flag: String,
}

/// The form of the output.
enum View {
    Screen(Screen),
    /// Lines, with the last event.
    Lines(Option<Value>),
    JsonLines,
}

pub(super) fn run(connection: &ConnectionOptions, arguments: &Arguments) -> Result<Exit> {
    let session = Session::open(&connection.with_timeout_of_at_least(MIN_TIMEOUT))?;
    let format = session.format();
    let feed = Feed::start(session, &arguments.flag)?;
    let (mut view, mut ended) = (None, None);
    let exit = loop {
        match feed.next_within(REDRAW) {
            None => {
                if let Some(View::Screen(screen)) = &view {
                    screen.draw()?;
                }
            }
            Some(FeedItem::Event(event, data)) => {
                // Not before the first event: the error of a server that is not there needs no screen.
                let view = match &mut view {
                    Some(view) => view,
                    None => view.insert(View::open(format)?),
                };
                view.show(&event, &data)?;
                if let Some((exit, text)) = end(&event, &data) {
                    ended = Some(text);
                    break exit;
                }
            }
            Some(FeedItem::Lost(reason)) => {
                let notice = format!("connection lost: {reason}; connecting again");
                match &mut view {
                    Some(View::Screen(screen)) => screen.notice(&notice)?,
                    _ => output::print_stderr(notice),
                }
            }
            Some(FeedItem::Interrupted) => break Exit::Interrupted,
            // Dropping the screen restores the terminal.
            Some(FeedItem::Over(error)) => return Err(error),
        }
    };
    let is_text = !matches!(view, Some(View::JsonLines));
    if let Some(View::Screen(screen)) = view {
        screen.close()?;
    }
    if let Some(ended) = ended.filter(|_| is_text) {
        output::print(ended)?;
    }
    Ok(exit)
}

/// Returns the result of the command and its last line if the plan has ended.
fn end(event: &ServerEvent, data: &Value) -> Option<(Exit, &'static str)> {
    if event.name == "removed" {
        return Some((Exit::Failure, "the plan has ended: it was removed"));
    }
    let state = data
        .get("rollout")
        .and_then(|rollout| json::text(rollout, "state"));
    match state? {
        "completed" => Some((Exit::Success, "the plan has ended: it was completed")),
        "rolled_back" => Some((Exit::Failure, "the plan has ended: it was rolled back")),
        "cancelled" => Some((Exit::Failure, "the plan has ended: it was cancelled")),
        _ => None,
    }
}

impl View {
    fn open(format: OutputFormat) -> io::Result<Self> {
        Ok(match format {
            OutputFormat::Json => Self::JsonLines,
            OutputFormat::Text if io::stdout().is_terminal() => Self::Screen(Screen::open()?),
            OutputFormat::Text => Self::Lines(None),
        })
    }

    fn show(&mut self, event: &ServerEvent, data: &Value) -> io::Result<()> {
        let is_removed = event.name == "removed";
        match self {
            // The last line says it.
            Self::Screen(_) | Self::Lines(_) if is_removed => Ok(()),
            Self::Screen(screen) => screen.show(data),
            Self::Lines(before) => {
                for line in change_lines(before.as_ref(), data) {
                    output::print(line)?;
                }
                *before = Some(data.clone());
                Ok(())
            }
            Self::JsonLines => {
                let mut object = Map::new();
                object.insert("event".to_owned(), event.name.as_str().into());
                object.insert("id".to_owned(), event.id.as_str().into());
                object.extend(data.as_object().cloned().unwrap_or_default());
                output::print_json(Value::Object(object))
            }
        }
    }
}
