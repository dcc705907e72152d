//! Options, relay sub-options, vendor options and the packet's fields. Pure.

use super::super::ExpressionError;
use super::super::lexer::TokenKind;
use super::super::tree::{Enterprise, Field, Path, Start, Test, Text};
use super::{Node, Parser, Result};
use crate::codec::options::space;

impl<'t> Parser<'t, '_> {
    /// What `word`, just taken, begins if it names a part of the query.
    pub(super) fn source(&mut self, word: &'t str) -> Result<Option<Node>> {
        match word {
            "option" => {
                let code = self.option_code()?;
                self.chain(Path { start: Start::Option(code), inside: Vec::new() })
            }
            "relay4" => {
                let code = self.code()?;
                self.chain(Path { start: Start::Relay4(code), inside: Vec::new() })
            }
            "vendor" => self.vendor(),
            "vendor-class" => self.vendor_class(),
            "pkt" => self.packet().map(field),
            "pkt4" => self.message().map(field),
            "pkt6" | "relay6" => {
                let offset = self.tokens[self.at - 1].offset;
                let message = format!("found '{word}', which is for Dhcp6 expressions only");
                return Err(ExpressionError { offset, message });
            }
            _ => return Ok(None),
        }
        .map(Some)
    }

    /// `.option[CODE]`, any number of times, then `.exists`, `.hex` or `.text`.
    fn chain(&mut self, mut path: Path) -> Result<Node> {
        loop {
            self.expect('.')?;
            match self.expect_word("'exists', 'hex', 'text' or 'option'")? {
                "option" => path.inside.push(self.code()?),
                "exists" => return Ok(Node::Test(Test::OptionExists(path))),
                "hex" => return Ok(Node::Text(Text::OptionPayload(path))),
                "text" => {
                    return Ok(Node::Text(Text::OptionDescription(path)));
                }
                _ => return Err(self.expected_before("'exists', 'hex', 'text' or 'option'")),
            }
        }
    }

    /// After `vendor`.
    fn vendor(&mut self) -> Result<Node> {
        if self.take('.') {
            self.enterprise_word()?;
            return Ok(Node::Text(Text::VendorEnterprise));
        }
        let enterprise = self.enterprise()?;
        self.expect('.')?;
        match self.expect_word("'exists' or 'option'")? {
            "exists" => Ok(Node::Test(Test::VendorExists(enterprise))),
            "option" => {
                let inside = vec![self.code()?];
                self.chain(Path { start: Start::Vendor(enterprise), inside })
            }
            _ => Err(self.expected_before("'exists' or 'option'")),
        }
    }

    /// After `vendor-class`.
    fn vendor_class(&mut self) -> Result<Node> {
        if self.take('.') {
            self.enterprise_word()?;
            return Ok(Node::Text(Text::VendorClassEnterprise));
        }
        let enterprise = self.enterprise()?;
        self.expect('.')?;
        match self.expect_word("'exists' or 'data'")? {
            "exists" => Ok(Node::Test(Test::VendorClassExists(enterprise))),
            "data" => {
                let mut index = 0;
                if self.take('[') {
                    index = self.integer(0, u8::MAX.into())?;
                    self.expect(']')?;
                }
                Ok(Node::Text(Text::VendorClassData(enterprise, index as usize)))
            }
            _ => Err(self.expected_before("'exists' or 'data'")),
        }
    }

    fn enterprise_word(&mut self) -> Result<()> {
        if self.take_word("enterprise") { Ok(()) } else { Err(self.expected("'enterprise'")) }
    }

    /// `[NUMBER]` or `[*]`; 0 means any enterprise too.
    fn enterprise(&mut self) -> Result<Enterprise> {
        self.expect('[')?;
        let number = if self.take('*') { 0 } else { self.integer(0, u32::MAX.into())? };
        self.expect(']')?;
        Ok(Some(number as u32).filter(|&number| number != 0))
    }

    /// `[CODE]` or `[NAME]`.
    fn option_code(&mut self) -> Result<u8> {
        if self.tokens.get(self.at + 1).is_some_and(|it| matches!(it.kind, TokenKind::Word(_))) {
            self.expect('[')?;
            let name = self.expect_word("an option's name")?;
            let known = self.definitions.by_name(space::DHCP4, name);
            let Some(code) = known.map(|definition| definition.code) else {
                return Err(self.expected_before("the name or the code of an option"));
            };
            self.expect(']')?;
            return Ok(code);
        }
        self.code()
    }

    /// `[CODE]`
    fn code(&mut self) -> Result<u8> {
        self.expect('[')?;
        let code = self.integer(0, u8::MAX.into())?;
        self.expect(']')?;
        Ok(code as u8)
    }

    /// After `pkt`.
    fn packet(&mut self) -> Result<Field> {
        self.expect('.')?;
        let expected = "'iface', 'src', 'dst' or 'len'";
        Ok(match self.expect_word(expected)? {
            "iface" => Field::Interface,
            "src" => Field::Source,
            "dst" => Field::Destination,
            "len" => Field::Length,
            _ => return Err(self.expected_before(expected)),
        })
    }

    /// After `pkt4`.
    fn message(&mut self) -> Result<Field> {
        self.expect('.')?;
        let expected = "'mac', 'hlen', 'htype', 'ciaddr', 'giaddr', 'yiaddr', 'siaddr', 'msgtype' \
                        or 'transid'";
        Ok(match self.expect_word(expected)? {
            "mac" => Field::HardwareAddress,
            "hlen" => Field::HardwareLen,
            "htype" => Field::HardwareType,
            "ciaddr" => Field::Ciaddr,
            "giaddr" => Field::Giaddr,
            "yiaddr" => Field::Yiaddr,
            "siaddr" => Field::Siaddr,
            "msgtype" => Field::MessageType,
            "transid" => Field::TransactionId,
            _ => return Err(self.expected_before(expected)),
        })
    }
}

fn field(field: Field) -> Node {
    Node::Text(Text::Field(field))
}
