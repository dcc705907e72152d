# Options of one's own: every type, records, arrays, options inside options.
config
{ "option-def": [
    { "name": "a-number", "code": 222, "type": "uint16", "encapsulate": "inner" },
    { "name": "nothing", "code": 223, "type": "empty", "encapsulate": "inner" },
    { "name": "record", "code": 224, "type": "record", "record-types": "uint8, ipv4-address, boolean, string" },
    { "name": "records", "code": 225, "type": "record", "record-types": "uint8, uint16", "array": true },
    { "name": "name", "code": 226, "type": "fqdn", "encapsulate": "inner" },
    { "name": "signed", "code": 227, "type": "int32" },
    { "name": "six", "code": 228, "type": "ipv6-address" },
    { "name": "prefix", "code": 229, "type": "ipv6-prefix" },
    { "name": "psid", "code": 230, "type": "psid" },
    { "name": "tuple", "code": 231, "type": "tuple", "array": true },
    { "name": "bytes", "code": 232, "type": "binary", "encapsulate": "inner" },
    { "name": "text", "code": 233, "type": "string", "encapsulate": "inner" },
    { "name": "flags", "code": 234, "type": "boolean", "array": true },
    { "name": "hollow", "code": 235, "type": "empty" },
    { "name": "one", "code": 1, "space": "inner", "type": "string" },
    { "name": "two", "code": 2, "space": "inner", "type": "uint8", "encapsulate": "innermost" },
    { "name": "three", "code": 3, "space": "innermost", "type": "ipv4-address", "array": true }],
  "option-data": [
    { "name": "a-number", "data": "258" }, { "name": "nothing" },
    { "name": "record", "data": "7, 10.0.0.1, true, some text" }, { "name": "records", "data": "1, 2, 3, 4" },
    { "name": "name", "data": "host.example" }, { "name": "signed", "data": "-5" },
    { "name": "six", "data": "2001:db8::1" }, { "name": "prefix", "data": "2001:db8::/33" },
    { "name": "psid", "data": "3/4" }, { "name": "tuple", "data": "first, second" },
    { "name": "bytes", "data": "0102" }, { "name": "text", "data": "abc" }, { "name": "flags", "data": "1, false, true" },
    { "name": "hollow", "data": "01", "csv-format": false },
    { "space": "inner", "name": "two", "data": "9" }, { "space": "inner", "name": "one", "data": "x" },
    { "space": "inner", "code": 200, "data": "ff", "csv-format": false },
    { "space": "innermost", "name": "three", "data": "10.0.0.7, 10.0.0.8" },
    { "code": 240, "data": "0a0b", "csv-format": false, "always-send": true }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }],
    "option-data": [{ "name": "a-number", "data": "1" }] }] }
end
client b via=192.0.2.9
a discover prl=222,223,224,225,226,227 -> offer
a discover prl=228,229,230,231,232,233,234,235 -> offer
a select prl=222,240 -> ack
b discover prl=1,3 -> offer
