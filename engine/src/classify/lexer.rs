//! An expression's text as words, literals and symbols. Pure.

use std::net::IpAddr;

use super::ExpressionError;

/// Characters that are looked at for an IP address; the longest has 45.
const MAX_ADDRESS: usize = 64;

/// One token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Token<'t> {
    pub(super) kind: TokenKind<'t>,
    /// Bytes before it.
    pub(super) offset: usize,
    /// As written.
    pub(super) text: &'t str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TokenKind<'t> {
    /// `'text'`, without the quotes.
    Text(&'t str),
    /// The digits after `0x`.
    Hex(&'t str),
    /// A decimal number, possibly negative.
    Integer(i64),
    /// An IP address.
    Address(IpAddr),
    /// A keyword or an option's name.
    Word(&'t str),
    /// One of `( ) [ ] . , + *`, and `=` for `==`.
    Symbol(char),
    /// Nothing is left.
    End,
}

impl Token<'_> {
    /// How a message names it.
    pub(super) fn describe(&self) -> String {
        match self.kind {
            TokenKind::Text(_) => format!("the text {}", self.text),
            TokenKind::End => "the end".to_owned(),
            _ => format!("'{}'", self.text),
        }
    }
}

/// All tokens of `text`; the last one is [`TokenKind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut offset = 0;
    loop {
        offset = text.len() - text[offset..].trim_start_matches([' ', '\t', '\n', '\r']).len();
        let rest = &text[offset..];
        let (kind, len) = token(rest, offset)?;
        tokens.push(Token { kind, offset, text: &rest[..len] });
        if kind == TokenKind::End {
            return Ok(tokens);
        }
        offset += len;
    }
}

/// The token at the start of `rest`, which stands at `offset`, and its length.
fn token(rest: &str, offset: usize) -> Result<(TokenKind<'_>, usize), ExpressionError> {
    let error = |message| Err(ExpressionError { offset, message });
    let Some(first) = rest.chars().next() else { return Ok((TokenKind::End, 0)) };
    if let Some(address) = address(rest) {
        return match address.parse() {
            Ok(parsed) => Ok((TokenKind::Address(parsed), address.len())),
            Err(_) => error(format!("found '{address}', expected an IP address")),
        };
    }
    match first {
        '\'' => match rest[1..].find(['\'', '\n']) {
            Some(len) if rest[1 + len..].starts_with('\'') => {
                Ok((TokenKind::Text(&rest[1..=len]), len + 2))
            }
            _ => error("found a text without its closing quote".to_owned()),
        },
        '(' | ')' | '[' | ']' | '.' | ',' | '+' | '*' => Ok((TokenKind::Symbol(first), 1)),
        '=' if rest.starts_with("==") => Ok((TokenKind::Symbol('='), 2)),
        '=' => error("found '=', expected '=='".to_owned()),
        '0'..='9' | '-' => number(rest, offset),
        'a'..='z' | 'A'..='Z' => {
            let len = run(rest, |char| char.is_ascii_alphanumeric() || "-_".contains(char));
            Ok((TokenKind::Word(&rest[..len]), len))
        }
        _ => error(format!("found '{}', which no expression contains", first.escape_debug())),
    }
}

/// `0x` and hexadecimal digits, or a decimal number.
fn number(rest: &str, offset: usize) -> Result<(TokenKind<'_>, usize), ExpressionError> {
    let error = |message| Err(ExpressionError { offset, message });
    if let Some(digits) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
        return match run(digits, |char| char.is_ascii_hexdigit()) {
            0 => error("found '0x', expected hexadecimal digits after it".to_owned()),
            len => Ok((TokenKind::Hex(&digits[..len]), len + 2)),
        };
    }
    let sign = usize::from(rest.starts_with('-'));
    let len = sign + run(&rest[sign..], |char| char.is_ascii_digit());
    match rest[..len].parse() {
        Ok(number) => Ok((TokenKind::Integer(number), len)),
        Err(_) if len == sign => error("found '-', expected digits after it".to_owned()),
        Err(_) => error(format!("found '{}', which no number here can be", &rest[..len])),
    }
}

/// What looks like an IP address at the start of `rest`: digits with a dot before another one, or
/// two colons among hexadecimal digits.
fn address(rest: &str) -> Option<&str> {
    let possible = |byte: &u8| byte.is_ascii_hexdigit() || b":.".contains(byte);
    let v6 = rest.bytes().take(MAX_ADDRESS).take_while(possible).count();
    if rest[..v6].matches(':').count() > 1 {
        return Some(&rest[..v6]);
    }
    let possible = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let v4 = rest.bytes().take(MAX_ADDRESS).take_while(possible).count();
    let mut parts = rest[..v4].split('.');
    let dotted = parts.next().is_some_and(|part| !part.is_empty())
        && parts.next().is_some_and(|part| !part.is_empty());
    dotted.then(|| rest[..v4].trim_end_matches('.'))
}

fn run(text: &str, accept: impl Fn(char) -> bool) -> usize {
    text.find(|char| !accept(char)).unwrap_or(text.len())
}
