//! Tokens to [`Node`]s, going on after a mistake at the next comma or closing bracket.

use super::access::quoted;
use super::lex::{Include, Lexer, Token};
use super::{Entry, Mistake, Node, Position, Value};
use crate::limits::{MAX_JSON_DEPTH, MAX_MISTAKES};

/// Reads `text` as Kea reads a configuration file; `file` is its name in positions. `include` gives the text of a file
/// that `<?include "name"?>` names; what it holds stands in the place of the directive.
///
/// # Errors
/// All mistakes that were found, in the order of the text.
pub fn parse(text: &str, file: &str, include: Include<'_>) -> Result<Node, Vec<Mistake>> {
    let mut parser = Parser { lexer: Lexer::new(text, file, include), next: None };
    let node = parser.value(0, "{");
    match (parser.take(), &node) {
        ((_, Token::End | Token::Bad), _) | (_, None) => {}
        ((at, token), _) => {
            let found = token.describe();
            parser.lexer.mistake(&at, format!("got {found}, expected the end of the file"));
        }
    }
    let mut mistakes = parser.lexer.mistakes;
    match node {
        Some(node) if mistakes.is_empty() => Ok(node),
        _ => {
            mistakes.truncate(MAX_MISTAKES);
            Err(mistakes)
        }
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    next: Option<(Position, Token)>,
}

impl Parser<'_> {
    /// A value, or `None` with a mistake; then the guilty token is still there.
    fn value(&mut self, depth: usize, expected: &str) -> Option<Node> {
        let (at, token) = self.peek().clone();
        let value = match token {
            Token::Mark(mark @ ('{' | '[')) => {
                self.take();
                if depth == MAX_JSON_DEPTH {
                    let message =
                        format!("got nesting deeper than {MAX_JSON_DEPTH} maps and lists");
                    self.lexer.mistake(&at, message);
                    self.skip();
                    self.take();
                    return None;
                }
                if mark == '{' { self.map(depth) } else { self.list(depth) }
            }
            Token::String(text) => Value::String(text),
            Token::Integer(number) => Value::Integer(number),
            Token::Real(number) => Value::Real(number),
            Token::Bool(truth) => Value::Bool(truth),
            Token::Null => Value::Null,
            // Its mistake was reported; it stands for some value.
            Token::Bad => Value::Null,
            Token::Mark(_) | Token::End => {
                let found = token.describe();
                self.lexer.mistake(&at, format!("got {found}, expected {expected}"));
                return None;
            }
        };
        if !matches!(value, Value::Map(_) | Value::List(_)) {
            self.take();
        }
        Some(Node { at, value })
    }

    /// What follows `{`.
    fn map(&mut self, depth: usize) -> Value {
        let mut entries = Vec::new();
        while !self.closes('}') {
            match self.map_entry(depth) {
                Some(entry) => entries.push(entry),
                None => self.skip(),
            }
            if !self.comma('}') {
                break;
            }
        }
        self.report_duplicates(&entries);
        Value::Map(entries)
    }

    fn map_entry(&mut self, depth: usize) -> Option<Entry> {
        let (at, token) = self.peek().clone();
        let Token::String(key) = token else {
            if token != Token::Bad {
                let found = token.describe();
                self.lexer.mistake(&at, format!("got {found}, expected a key in quotes or }}"));
            }
            return None;
        };
        self.take();
        let (colon_at, colon) = self.peek().clone();
        if colon != Token::Mark(':') {
            let found = colon.describe();
            let expected = format!("expected : after {}", quoted(&key));
            self.lexer.mistake(&colon_at, format!("got {found}, {expected}"));
            return None;
        }
        self.take();
        let node = self.value(depth + 1, "a value")?;
        Some(Entry { at, key, node })
    }

    /// What follows `[`.
    fn list(&mut self, depth: usize) -> Value {
        let mut nodes = Vec::new();
        while !self.closes(']') {
            match self.value(depth + 1, "a value or ]") {
                Some(node) => nodes.push(node),
                None => self.skip(),
            }
            if !self.comma(']') {
                break;
            }
        }
        Value::List(nodes)
    }

    /// Takes `close` if it comes next.
    fn closes(&mut self, close: char) -> bool {
        let closes = self.peek().1 == Token::Mark(close);
        if closes {
            self.take();
        }
        closes
    }

    /// After an element: a comma (one that the file forgot as well) means true, the end of the map or list false.
    fn comma(&mut self, close: char) -> bool {
        let (at, token) = self.peek().clone();
        match token {
            Token::Mark(',') => {
                self.take();
                true
            }
            Token::Mark(mark) if mark == close => {
                self.take();
                false
            }
            Token::Mark('}' | ']') | Token::End => {
                let found = token.describe();
                self.lexer.mistake(&at, format!("got {found}, expected , or {close}"));
                if token != Token::End {
                    self.take();
                }
                false
            }
            _ => {
                let found = token.describe();
                self.lexer.mistake(&at, format!("got {found}, expected , or {close}"));
                if token == Token::Mark(':') || (close == '}' && !matches!(token, Token::String(_)))
                {
                    self.skip();
                    return self.comma(close);
                }
                true
            }
        }
    }

    /// Goes to the next comma or closing bracket of this level.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.peek().1 {
                Token::End => return,
                Token::Mark(',' | '}' | ']') if depth == 0 => return,
                Token::Mark('}' | ']') => depth -= 1,
                Token::Mark('{' | '[') => depth += 1,
                _ => {}
            }
            self.take();
        }
    }

    fn report_duplicates(&mut self, entries: &[Entry]) {
        let mut sorted: Vec<&Entry> = entries.iter().collect();
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
        for pair in sorted.windows(2).filter(|pair| pair[0].key == pair[1].key) {
            let Position { file, line, column } = &pair[0].at;
            let message = format!(
                "got {} twice in a map, expected it once (before at {file}:{line}.{column})",
                quoted(&pair[1].key)
            );
            self.lexer.mistake(&pair[1].at, message);
        }
    }

    fn peek(&mut self) -> &(Position, Token) {
        if self.next.is_none() {
            self.next = Some(self.advance());
        }
        self.next.as_ref().expect("it was filled above")
    }

    fn take(&mut self) -> (Position, Token) {
        match self.next.take() {
            Some(token) => token,
            None => self.advance(),
        }
    }

    /// The next token; the end as soon as there are more mistakes than anybody reads.
    fn advance(&mut self) -> (Position, Token) {
        let (at, token) = self.lexer.next();
        if self.lexer.mistakes.len() >= MAX_MISTAKES { (at, Token::End) } else { (at, token) }
    }
}
