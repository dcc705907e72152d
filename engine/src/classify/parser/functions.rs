//! Functions of the language. Pure.

use regex::bytes::RegexBuilder;

use super::super::tree::{Length, Pattern, Test, Text};
use super::super::{ExpressionError, Mention};
use super::{Node, Parser, Result};
use crate::brackets::{Dialect, translated};
use crate::limits::MAX_PATTERN_PROGRAM;

impl<'t> Parser<'t, '_> {
    /// What `word`, just taken, begins if it is a function.
    pub(super) fn function(&mut self, word: &'t str) -> Result<Option<Node>> {
        let arguments: fn(&mut Self) -> Result<Node> = match word {
            "member" => Self::member,
            "match" => Self::pattern,
            "substring" => Self::substring,
            "split" => Self::split,
            "concat" => Self::concat,
            "lcase" => |parser| parser.one(Text::Lower),
            "ucase" => |parser| parser.one(Text::Upper),
            "ifelse" => |parser| parser.if_else(false),
            "sifelse" => |parser| parser.if_else(true),
            "hexstring" => Self::hexstring,
            "addrtotext" => |parser| parser.one(Text::FromAddress),
            "int8totext" => |parser| parser.number(1, true),
            "int16totext" => |parser| parser.number(2, true),
            "int32totext" => |parser| parser.number(4, true),
            "uint8totext" => |parser| parser.number(1, false),
            "uint16totext" => |parser| parser.number(2, false),
            "uint32totext" => |parser| parser.number(4, false),
            _ => return Ok(None),
        };
        self.expect('(')?;
        let node = self.nested(arguments)?;
        self.expect(')')?;
        Ok(Some(node))
    }

    fn member(&mut self) -> Result<Node> {
        let offset = self.peek().offset;
        let name = self.literal("a class's name in single quotes")?;
        let class = self.names.intern(name);
        self.mentions.push(Mention { class, offset });
        Ok(Node::Test(Test::Member(class)))
    }

    fn pattern(&mut self) -> Result<Node> {
        let offset = self.peek().offset;
        let source = self.literal("a regular expression in single quotes")?;
        let pattern = pattern(source).map_err(|error| {
            // The engine's message shows the pattern over several lines; its last one says what is
            // wrong.
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("found the regular expression '{source}': {reason}");
            ExpressionError { offset, message }
        })?;
        self.expect(',')?;
        Ok(Node::Test(Test::Matches(pattern, self.text()?)))
    }

    fn substring(&mut self) -> Result<Node> {
        let of = Box::new(self.text()?);
        self.expect(',')?;
        let start = self.position()?;
        self.expect(',')?;
        let len = if self.take_word("all") { Length::All } else { Length::Bytes(self.position()?) };
        Ok(Node::Text(Text::Substring { of, start, len }))
    }

    fn split(&mut self) -> Result<Node> {
        let of = Box::new(self.text()?);
        self.expect(',')?;
        let delimiters = Box::new(self.text()?);
        self.expect(',')?;
        let field = self.position()?;
        Ok(Node::Text(Text::Split { of, delimiters, field }))
    }

    fn concat(&mut self) -> Result<Node> {
        let first = self.text()?;
        self.expect(',')?;
        let second = self.text()?;
        Ok(Node::Text(Text::Concat(vec![first, second])))
    }

    fn if_else(&mut self, always: bool) -> Result<Node> {
        let test = Box::new(self.test()?);
        self.expect(',')?;
        let yes = Box::new(self.text()?);
        self.expect(',')?;
        let no = Box::new(self.text()?);
        Ok(Node::Text(Text::IfElse { always, test, yes, no }))
    }

    fn hexstring(&mut self) -> Result<Node> {
        let of = Box::new(self.text()?);
        self.expect(',')?;
        let separator = Box::new(self.text()?);
        Ok(Node::Text(Text::Hex { of, separator }))
    }

    fn number(&mut self, bytes: usize, signed: bool) -> Result<Node> {
        self.one(|of| Text::FromNumber { of, bytes, signed })
    }

    /// A function of one string.
    fn one(&mut self, function: impl FnOnce(Box<Text>) -> Text) -> Result<Node> {
        Ok(Node::Text(function(Box::new(self.text()?))))
    }

    /// A place in a string.
    fn position(&mut self) -> Result<i32> {
        self.integer(i32::MIN.into(), i32::MAX.into()).map(|position| position as i32)
    }
}

/// `source` compiled to match whole values, byte by byte as Kea's ECMAScript engine does. That
/// one's back references and look-around are refused: they would need time exponential in a
/// client's bytes.
fn pattern(source: &str) -> std::result::Result<Pattern, regex::Error> {
    let build =
        |text: &str| RegexBuilder::new(text).unicode(false).size_limit(MAX_PATTERN_PROGRAM).build();
    // By itself first: the anchors must not lend it the parentheses that it lacks.
    let text = translated(source, Dialect::EcmaScript);
    build(&text)?;
    Ok(Pattern { source: source.to_owned(), regex: build(&format!(r"\A(?:{text})\z"))? })
}
