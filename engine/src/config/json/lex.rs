//! Characters to tokens: comments skipped, included files spliced in where they are named.

use std::io;
use std::sync::Arc;

use super::access::quoted;
use super::{Mistake, Position};
use crate::limits::{MAX_CONFIG_BYTES, MAX_INCLUDE_DEPTH, MAX_INCLUDES};

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// One of `{}[]:,`.
    Mark(char),
    String(String),
    Integer(i64),
    Real(f64),
    Bool(bool),
    Null,
    /// Something that is no token; its mistake was reported.
    Bad,
    /// The end of the outermost file.
    End,
}

impl Token {
    /// What a message calls it.
    pub(super) fn describe(&self) -> String {
        match self {
            Token::Mark(mark) => mark.to_string(),
            Token::String(text) => format!("string {}", quoted(text)),
            Token::Integer(number) => format!("integer {number}"),
            Token::Real(number) => format!("number {number}"),
            Token::Bool(truth) => truth.to_string(),
            Token::Null => "null".into(),
            Token::Bad => "something unreadable".into(),
            Token::End => "the end of the file".into(),
        }
    }
}

/// Gives the text of an included file.
pub(super) type Include<'a> = &'a mut dyn FnMut(&str) -> io::Result<String>;

/// Reads tokens from a file and those that it includes.
pub(super) struct Lexer<'a> {
    /// The file being read on top of those that included it.
    sources: Vec<Source>,
    include: Include<'a>,
    includes: usize,
    bytes: usize,
    /// What was wrong so far.
    pub(super) mistakes: Vec<Mistake>,
}

struct Source {
    file: Arc<str>,
    text: Arc<str>,
    offset: usize,
    line: u32,
    column: u32,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &str, file: &str, include: Include<'a>) -> Lexer<'a> {
        let mut lexer =
            Lexer { sources: Vec::new(), include, includes: 0, bytes: 0, mistakes: Vec::new() };
        lexer.push(file, text);
        lexer
    }

    /// The next token and where it begins.
    pub(super) fn next(&mut self) -> (Position, Token) {
        loop {
            self.skip_blanks();
            let at = self.at();
            let Some(character) = self.peek() else {
                if self.sources.len() == 1 {
                    return (at, Token::End);
                }
                self.sources.pop();
                continue;
            };
            if self.rest().starts_with("<?") {
                let mistakes = self.mistakes.len();
                self.include(&at);
                if self.mistakes.len() > mistakes {
                    return (at, Token::Bad);
                }
                continue;
            }
            let token = match character {
                '{' | '}' | '[' | ']' | ':' | ',' => {
                    self.bump();
                    Token::Mark(character)
                }
                '"' => self.string(&at),
                '-' | '.' | '0'..='9' => self.number(&at),
                'A'..='Z' | 'a'..='z' | '_' => self.word(&at),
                _ => {
                    self.bump();
                    self.mistake(&at, format!("got character {character:?}, expected JSON"));
                    Token::Bad
                }
            };
            return (at, token);
        }
    }

    /// Blanks and comments of the file being read.
    fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r' | '\n' | '\u{feff}') => self.bump(),
                Some('#') => self.skip_line(),
                Some('/') if self.rest().starts_with("//") => self.skip_line(),
                Some('/') if self.rest().starts_with("/*") => self.skip_block(),
                _ => return,
            }
        }
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|character| character != '\n') {
            self.bump();
        }
    }

    fn skip_block(&mut self) {
        let at = self.at();
        self.bump();
        self.bump();
        while !self.rest().starts_with("*/") {
            if self.peek().is_none() {
                return self.mistake(&at, "got a comment without end, expected */");
            }
            self.bump();
        }
        self.bump();
        self.bump();
    }

    fn number(&mut self, at: &Position) -> Token {
        let text = self.take_while(|c| matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'));
        let digits = text.strip_prefix('-').unwrap_or(&text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            if let Ok(number) = text.parse() {
                return Token::Integer(number);
            }
            self.mistake(at, format!("got {text}, expected an integer of at most 64 bits"));
            return Token::Bad;
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Token::Real(number),
            _ => {
                self.mistake(at, format!("got {text}, expected a number"));
                Token::Bad
            }
        }
    }

    fn word(&mut self, at: &Position) -> Token {
        let word = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        match word.as_str() {
            "true" => return Token::Bool(true),
            "false" => return Token::Bool(false),
            "null" => return Token::Null,
            _ => {}
        }
        let lower = word.to_ascii_lowercase();
        if matches!(lower.as_str(), "true" | "false" | "null") {
            self.mistake(at, format!("got {word}, expected {lower} in lower case"));
        } else {
            self.mistake(at, format!("got the word {word}, expected a value (text is in quotes)"));
        }
        Token::Bad
    }

    fn string(&mut self, at: &Position) -> Token {
        self.bump();
        let mut text = String::new();
        loop {
            let here = self.at();
            match self.peek() {
                None | Some('\n') => {
                    self.mistake(at, "got a string without end, expected \" before the line's end");
                    return Token::String(text);
                }
                Some('"') => {
                    self.bump();
                    return Token::String(text);
                }
                Some('\\') => self.escape(&here, &mut text),
                Some(character) => {
                    if character < ' ' && character != '\r' {
                        let message = format!("got control character {character:?} in a string");
                        self.mistake(&here, message + ", expected an escape such as \\t");
                    }
                    text.push(character);
                    self.bump();
                }
            }
        }
    }

    fn escape(&mut self, at: &Position, text: &mut String) {
        self.bump();
        let Some(character) = self.peek() else { return };
        if character == '\n' {
            return;
        }
        self.bump();
        text.push(match character {
            '"' | '\\' | '/' => character,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => match self.unicode() {
                Some(character) => character,
                None => {
                    let expected = "expected four hexadecimal digits that name a character";
                    return self.mistake(at, format!("got a bad \\u escape, {expected}"));
                }
            },
            other => {
                let expected = r#"expected one of \" \\ \/ \b \f \n \r \t \uXXXX"#;
                return self.mistake(at, format!("got the escape \\{other}, {expected}"));
            }
        });
    }

    fn unicode(&mut self) -> Option<char> {
        let first = self.four_hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        if !self.rest().starts_with("\\u") {
            return None;
        }
        self.bump();
        self.bump();
        let second = self.four_hex().filter(|second| (0xdc00..0xe000).contains(second))?;
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    }

    fn four_hex(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?.to_owned();
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        digits.chars().for_each(|_| self.bump());
        u32::from_str_radix(&digits, 16).ok()
    }

    /// `<?include "file"?>`: what it names is read next.
    fn include(&mut self, at: &Position) {
        let Some(name) = self.include_name() else {
            self.skip_line();
            return self.mistake(at, "got <?, expected <?include \"file\"?>");
        };
        if self.sources.iter().any(|source| *source.file == *name) {
            return self.mistake(at, format!("got {} included by itself", quoted(&name)));
        }
        if self.sources.len() > MAX_INCLUDE_DEPTH {
            let message = format!("got an include in {MAX_INCLUDE_DEPTH} others, expected fewer");
            return self.mistake(at, message);
        }
        if self.includes == MAX_INCLUDES {
            return self.mistake(at, format!("got more than {MAX_INCLUDES} includes"));
        }
        self.includes += 1;
        match (self.include)(&name) {
            Ok(text) if self.bytes + text.len() > MAX_CONFIG_BYTES => {
                self.mistake(at, format!("got more than {MAX_CONFIG_BYTES} bytes of files"));
            }
            Ok(text) => self.push(&name, &text),
            Err(error) => {
                self.mistake(
                    at,
                    format!("cannot read the included file {}: {error}", quoted(&name)),
                );
            }
        }
    }

    fn include_name(&mut self) -> Option<String> {
        let directive = self.rest().strip_prefix("<?include")?;
        let quote = directive.trim_start_matches([' ', '\t']).strip_prefix('"')?;
        let (name, after) = quote.split_once('"')?;
        let after = after.trim_start_matches([' ', '\t']).strip_prefix("?>")?;
        if name.contains('\n') {
            return None;
        }
        let (name, left) = (name.to_owned(), after.len());
        while self.rest().len() > left {
            self.bump();
        }
        Some(name)
    }

    fn push(&mut self, file: &str, text: &str) {
        self.bytes += text.len();
        let (file, text) = (file.into(), text.into());
        self.sources.push(Source { file, text, offset: 0, line: 1, column: 1 });
    }

    pub(super) fn mistake(&mut self, at: &Position, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(at, message));
    }

    fn source(&self) -> &Source {
        self.sources.last().expect("the outermost file is never popped")
    }

    fn at(&self) -> Position {
        let source = self.source();
        Position { file: Arc::clone(&source.file), line: source.line, column: source.column }
    }

    fn rest(&self) -> &str {
        let source = self.source();
        &source.text[source.offset..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) {
        let Some(character) = self.peek() else { return };
        let source = self.sources.last_mut().expect("the outermost file is never popped");
        source.offset += character.len_utf8();
        if character == '\n' {
            source.line = source.line.saturating_add(1);
            source.column = 1;
        } else {
            source.column = source.column.saturating_add(1);
        }
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(character) = self.peek().filter(|character| wanted(*character)) {
            taken.push(character);
            self.bump();
        }
        taken
    }
}
