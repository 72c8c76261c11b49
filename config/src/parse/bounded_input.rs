//! The text of a document as the YAML parser reads it, with a limit: the parser buffers all tokens of a value in brackets
//! before it yields the first, since the value could be a key. Each takes about a hundred bytes.

use std::cell::Cell;

use saphyr_parser::input::SkipTabs;
use saphyr_parser::{Input, StrInput};

/// The largest number of brackets, commas and colons that are read for one event.
pub(super) const MAX_INDICATORS: usize = 200_000;

/// A text that ends early if too many indicators are read for one event.
pub(super) struct BoundedInput<'s, 'c> {
    text: StrInput<'s>,
    left: &'c Cell<usize>,
}

impl<'s, 'c> BoundedInput<'s, 'c> {
    /// `left` is the number of indicators that may be read. The caller resets it after each event; at 0 the text has
    /// ended.
    pub(super) fn new(text: &'s str, left: &'c Cell<usize>) -> Self {
        Self {
            text: StrInput::new(text),
            left,
        }
    }

    fn count(&mut self, read: char) {
        if !matches!(read, '[' | ']' | '{' | '}' | ',' | ':') {
            return;
        }
        self.left.set(self.left.get().saturating_sub(1));
        if self.left.get() == 0 {
            self.text = StrInput::new("");
        }
    }
}

/// Every method that the text overrides is delegated, because it is faster than the default of the trait.
impl Input for BoundedInput<'_, '_> {
    fn skip(&mut self) {
        let read = self.text.peek();
        self.text.skip();
        self.count(read);
    }

    fn skip_n(&mut self, count: usize) {
        (0..count).for_each(|_| self.skip());
    }

    fn raw_read_ch(&mut self) -> char {
        let read = self.text.raw_read_ch();
        self.count(read);
        read
    }

    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        let read = self.text.raw_read_non_breakz_ch();
        self.count(read.unwrap_or_default());
        read
    }

    fn lookahead(&mut self, count: usize) {
        self.text.lookahead(count);
    }

    fn buflen(&self) -> usize {
        self.text.buflen()
    }

    fn bufmaxlen(&self) -> usize {
        self.text.bufmaxlen()
    }

    fn peek(&self) -> char {
        self.text.peek()
    }

    fn peek_nth(&self, n: usize) -> char {
        self.text.peek_nth(n)
    }

    fn peek_opt(&self) -> Option<char> {
        self.text.peek_opt()
    }

    fn next_is_document_indicator(&self) -> bool {
        self.text.next_is_document_indicator()
    }

    fn next_is_document_start(&self) -> bool {
        self.text.next_is_document_start()
    }

    fn next_is_document_end(&self) -> bool {
        self.text.next_is_document_end()
    }

    fn skip_ws_to_eol(&mut self, skip_tabs: SkipTabs) -> (usize, Result<SkipTabs, &'static str>) {
        self.text.skip_ws_to_eol(skip_tabs)
    }

    fn next_can_be_plain_scalar(&self, in_flow: bool) -> bool {
        self.text.next_can_be_plain_scalar(in_flow)
    }

    fn skip_while_non_breakz(&mut self) -> usize {
        self.text.skip_while_non_breakz()
    }

    fn skip_while_blank(&mut self) -> usize {
        self.text.skip_while_blank()
    }

    fn fetch_while_is_alpha(&mut self, out: &mut String) -> usize {
        self.text.fetch_while_is_alpha(out)
    }

    fn fetch_while_is_yaml_non_space(&mut self, out: &mut String) -> usize {
        self.text.fetch_while_is_yaml_non_space(out)
    }
}
