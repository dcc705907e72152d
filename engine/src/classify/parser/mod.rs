//! From tokens to the compiled form: operators and literals here, what reads the query in
//! `sources`, functions in `functions`. Recursive descent, its depth bounded. Pure.

mod functions;
mod sources;

use super::lexer::{Token, TokenKind, tokens};
use super::tree::{Operand, Test, Text};
use super::{ClassNames, ExpressionError, Mention};
use crate::codec::options::Definitions;
use crate::limits::{MAX_EXPRESSION, MAX_EXPRESSION_DEPTH};

type Result<T> = std::result::Result<T, ExpressionError>;

/// Parses all of `text`, a boolean expression.
pub(super) fn parse(
    text: &str,
    definitions: &Definitions,
    names: &mut ClassNames,
) -> Result<(Test, Vec<Mention>)> {
    whole(text, definitions, names, |parser| parser.any()?.test(parser), "'and', 'or' or the end")
}

/// Parses all of `text`, a string expression.
pub(super) fn parse_template(
    text: &str,
    definitions: &Definitions,
    names: &mut ClassNames,
) -> Result<(Text, Vec<Mention>)> {
    whole(text, definitions, names, Parser::text, "'+' or the end")
}

fn whole<'t, 'n, T>(
    text: &'t str,
    definitions: &'n Definitions,
    names: &'n mut ClassNames,
    parse: impl FnOnce(&mut Parser<'t, 'n>) -> Result<T>,
    expected: &str,
) -> Result<(T, Vec<Mention>)> {
    if text.len() > MAX_EXPRESSION {
        let message = format!("found more, expected at most {MAX_EXPRESSION} bytes");
        return Err(ExpressionError { offset: MAX_EXPRESSION, message });
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens, at: 0, depth: 0, definitions, names, mentions: Vec::new() };
    let parsed = parse(&mut parser)?;
    if parser.peek().kind != TokenKind::End {
        return Err(parser.expected(expected));
    }
    Ok((parsed, parser.mentions))
}

struct Parser<'t, 'n> {
    tokens: Vec<Token<'t>>,
    at: usize,
    depth: usize,
    definitions: &'n Definitions,
    names: &'n mut ClassNames,
    mentions: Vec<Mention>,
}

/// An expression of either type.
enum Node {
    Test(Test),
    Text(Text),
}

impl Node {
    /// The boolean that it must be; `parser` stands behind it.
    fn test(self, parser: &Parser<'_, '_>) -> Result<Test> {
        match self {
            Node::Test(test) => Ok(test),
            Node::Text(_) => Err(parser.expected("'==' or '+'")),
        }
    }
}

impl<'t> Parser<'t, '_> {
    /// `A or B or C`
    fn any(&mut self) -> Result<Node> {
        let first = self.all()?;
        let operands = self.operands("or", "sor", &first, Self::all)?;
        Ok(match (operands.is_empty(), first) {
            (false, Node::Test(first)) => Node::Test(Test::Any(Box::new(first), operands)),
            (_, first) => first,
        })
    }

    /// `A and B and C`
    fn all(&mut self) -> Result<Node> {
        let first = self.not()?;
        let operands = self.operands("and", "sand", &first, Self::not)?;
        Ok(match (operands.is_empty(), first) {
            (false, Node::Test(first)) => Node::Test(Test::All(Box::new(first), operands)),
            (_, first) => first,
        })
    }

    /// What follows `first`, each after `word` or after `always`, which does not stop early.
    fn operands(
        &mut self,
        word: &str,
        always: &str,
        first: &Node,
        next: fn(&mut Self) -> Result<Node>,
    ) -> Result<Vec<Operand>> {
        let mut operands = Vec::new();
        while let TokenKind::Word(found) = self.peek().kind {
            if found != word && found != always {
                break;
            }
            if matches!(first, Node::Text(_)) {
                return Err(self.expected("'==' or '+'"));
            }
            self.at += 1;
            let test = next(self)?.test(self)?;
            operands.push(Operand { always: found == always, test });
        }
        Ok(operands)
    }

    fn not(&mut self) -> Result<Node> {
        if !self.take_word("not") {
            return self.comparison();
        }
        let test = self.nested(Self::not)?.test(self)?;
        Ok(Node::Test(Test::Not(Box::new(test))))
    }

    /// `A == B`
    fn comparison(&mut self) -> Result<Node> {
        let left = self.sum()?;
        if self.peek().kind != TokenKind::Symbol('=') {
            return Ok(left);
        }
        let Node::Text(left) = left else {
            return Err(self.expected("'and', 'or' or the end"));
        };
        self.at += 1;
        let right = self.text()?;
        Ok(Node::Test(Test::Equal(left, right)))
    }

    /// `A + B`
    fn sum(&mut self) -> Result<Node> {
        let first = self.primary()?;
        let Node::Text(first) = first else { return Ok(first) };
        let mut parts = vec![first];
        while self.take('+') {
            let at = self.at;
            match self.primary()? {
                Node::Text(part) => parts.push(part),
                Node::Test(_) => return Err(self.wanted_text(at)),
            }
        }
        let only = if parts.len() == 1 { parts.pop() } else { None };
        Ok(Node::Text(only.unwrap_or(Text::Concat(parts))))
    }

    /// A string expression.
    fn text(&mut self) -> Result<Text> {
        let at = self.at;
        match self.sum()? {
            Node::Text(text) => Ok(text),
            Node::Test(_) => Err(self.wanted_text(at)),
        }
    }

    /// A boolean expression.
    fn test(&mut self) -> Result<Test> {
        self.any()?.test(self)
    }

    fn primary(&mut self) -> Result<Node> {
        let token = self.peek();
        let literal = match token.kind {
            TokenKind::Symbol('(') => {
                self.at += 1;
                let node = self.nested(Self::any)?;
                self.expect(')')?;
                return Ok(node);
            }
            TokenKind::Word(word) => {
                self.at += 1;
                return self.word(word);
            }
            TokenKind::Text(text) => text.as_bytes().to_vec(),
            TokenKind::Hex(digits) => hex_bytes(digits),
            TokenKind::Integer(number) => match u32::try_from(number) {
                Ok(number) => number.to_be_bytes().to_vec(),
                Err(_) => return Err(self.expected("a number from 0 to 4294967295")),
            },
            TokenKind::Address(std::net::IpAddr::V4(address)) => address.octets().to_vec(),
            TokenKind::Address(std::net::IpAddr::V6(address)) => address.octets().to_vec(),
            TokenKind::Symbol(_) | TokenKind::End => {
                return Err(self.expected("an expression"));
            }
        };
        self.at += 1;
        Ok(Node::Text(Text::Literal(literal.into())))
    }

    /// What `word`, just taken, begins.
    fn word(&mut self, word: &'t str) -> Result<Node> {
        if let Some(node) = self.source(word)? {
            return Ok(node);
        }
        if let Some(node) = self.function(word)? {
            return Ok(node);
        }
        self.at -= 1;
        Err(self.expected(match word {
            "known" => "an expression, as member('KNOWN')",
            "unknown" => "an expression, as member('UNKNOWN')",
            _ => "an expression",
        }))
    }

    /// Runs `inner` one level deeper.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == MAX_EXPRESSION_DEPTH {
            let message = format!("found nesting deeper than {MAX_EXPRESSION_DEPTH} levels");
            return Err(ExpressionError { offset: self.peek().offset, message });
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn peek(&self) -> Token<'t> {
        self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn take(&mut self, symbol: char) -> bool {
        let taken = self.peek().kind == TokenKind::Symbol(symbol);
        self.at += usize::from(taken);
        taken
    }

    fn take_word(&mut self, word: &str) -> bool {
        let taken = self.peek().kind == TokenKind::Word(word);
        self.at += usize::from(taken);
        taken
    }

    fn expect(&mut self, symbol: char) -> Result<()> {
        if self.take(symbol) { Ok(()) } else { Err(self.expected(&format!("'{symbol}'"))) }
    }

    /// The next word, which the caller matches; at something else an error that lists `expected`.
    fn expect_word(&mut self, expected: &str) -> Result<&'t str> {
        match self.peek().kind {
            TokenKind::Word(word) => {
                self.at += 1;
                Ok(word)
            }
            _ => Err(self.expected(expected)),
        }
    }

    /// An integer from `min` to `max`.
    fn integer(&mut self, min: i64, max: i64) -> Result<i64> {
        match self.peek().kind {
            TokenKind::Integer(number) if (min..=max).contains(&number) => {
                self.at += 1;
                Ok(number)
            }
            _ => Err(self.expected(&format!("a number from {min} to {max}"))),
        }
    }

    /// A text literal, as a class's name and a pattern must be.
    fn literal(&mut self, expected: &str) -> Result<&'t str> {
        match self.peek().kind {
            TokenKind::Text(text) => {
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.expected(expected)),
        }
    }

    /// The error that something else than `expected` comes next.
    fn expected(&self, expected: &str) -> ExpressionError {
        let found = self.peek();
        let message = format!("found {}, expected {expected}", found.describe());
        ExpressionError { offset: found.offset, message }
    }

    /// The same for the token before, already taken.
    fn expected_before(&mut self, expected: &str) -> ExpressionError {
        self.at -= 1;
        self.expected(expected)
    }

    /// The error that a boolean began at token `at`.
    fn wanted_text(&self, at: usize) -> ExpressionError {
        let message = "found a boolean expression, expected a string".to_owned();
        ExpressionError { offset: self.tokens[at].offset, message }
    }
}

/// The bytes of hexadecimal `digits`; an odd number of them gets a leading 0.
fn hex_bytes(digits: &str) -> Vec<u8> {
    let values: Vec<u8> =
        digits.chars().filter_map(|char| char.to_digit(16)).map(|digit| digit as u8).collect();
    let (first, pairs) = values.split_at(values.len() % 2);
    let pairs = pairs.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]);
    first.iter().copied().chain(pairs).collect()
}
