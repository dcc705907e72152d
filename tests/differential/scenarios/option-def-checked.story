# What a query says in options that the configuration defines must be of their types, also inside others.
config
{ "option-def": [
    { "name": "number", "code": 200, "type": "uint16" },
    { "name": "fields", "code": 201, "type": "record", "record-types": "uint8, ipv4-address, string" },
    { "name": "outer", "code": 202, "type": "empty", "encapsulate": "inner" },
    { "name": "inner-number", "code": 1, "space": "inner", "type": "uint32" },
    { "name": "inner-text", "code": 2, "space": "inner", "type": "string" },
    { "name": "flags", "code": 203, "type": "boolean", "array": true },
    { "name": "names", "code": 204, "type": "fqdn", "array": true },
    { "name": "text", "code": 205, "type": "string" },
    { "name": "places", "code": 206, "type": "ipv4-address", "array": true },
    { "name": "site", "code": 224, "type": "uint32" },
    { "name": "boot", "code": 1, "space": "vendor-encapsulated-options-space", "type": "uint16" }],
  "client-classes": [
    { "name": "site", "test": "member('ALL') and option[224].exists", "option-data": [{ "name": "log-servers", "data": "192.0.2.9", "always-send": true }] },
    { "name": "text", "test": "option[205].exists", "option-data": [{ "name": "time-servers", "data": "192.0.2.9", "always-send": true }] },
    { "name": "inside", "test": "member('UNKNOWN') and option[43].option[1].exists", "option-data": [{ "name": "www-server", "data": "192.0.2.9", "always-send": true }] },
    { "name": "inner", "test": "option[202].option[2].exists", "option-data": [{ "name": "irc-server", "data": "192.0.2.9", "always-send": true }] }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a inform ciaddr=192.0.2.9 opt200=0007 -> ack
a inform ciaddr=192.0.2.9 opt200=000708 -> ack
a inform ciaddr=192.0.2.9 opt200=07 -> nothing
a inform ciaddr=192.0.2.9 opt200= -> nothing
a inform ciaddr=192.0.2.9 opt201=01c0000203 -> ack
a inform ciaddr=192.0.2.9 opt201=01c000020361 -> ack
a inform ciaddr=192.0.2.9 opt201=01c000 -> nothing
a inform ciaddr=192.0.2.9 opt202= -> ack 74=
a inform ciaddr=192.0.2.9 opt202=010400000063 -> ack 74=
a inform ciaddr=192.0.2.9 opt202=020161 -> ack 74=c0000209
a inform ciaddr=192.0.2.9 opt202=0200 -> ack 74=
a inform ciaddr=192.0.2.9 opt202=01020000 -> nothing
a inform ciaddr=192.0.2.9 opt202=0102 -> ack
a inform ciaddr=192.0.2.9 opt203=0100 -> ack
a inform ciaddr=192.0.2.9 opt203=05 -> ack
a inform ciaddr=192.0.2.9 opt203= -> nothing
a inform ciaddr=192.0.2.9 opt204=016100016200 -> ack
a inform ciaddr=192.0.2.9 opt204=0161 -> nothing
a inform ciaddr=192.0.2.9 opt204= -> nothing
a inform ciaddr=192.0.2.9 opt205='words' -> ack 4=c0000209
a inform ciaddr=192.0.2.9 opt205= -> ack 4=
a inform ciaddr=192.0.2.9 opt205=0000 -> ack 4=
a inform ciaddr=192.0.2.9 opt206= -> ack
a inform ciaddr=192.0.2.9 opt206=c0000201 -> ack
a inform ciaddr=192.0.2.9 opt206=c0000201c0 -> nothing
a inform ciaddr=192.0.2.9 opt224=00000001 -> ack
a inform ciaddr=192.0.2.9 opt224=01 -> ack
a inform ciaddr=192.0.2.9 opt43=01020201 -> ack 72=c0000209
a inform ciaddr=192.0.2.9 opt43=010102 -> ack 72=
a inform ciaddr=192.0.2.9 opt43=0101020201 -> ack 72=
