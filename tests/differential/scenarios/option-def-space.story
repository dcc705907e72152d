# Options of one's own: types, records, arrays, and a space within an option.
config
{ "option-def": [ { "name": "one", "code": 222, "type": "record", "record-types": "uint16, ipv4-address, string" },
   { "name": "many", "code": 223, "type": "uint32", "array": true }, { "name": "names", "code": 224, "type": "fqdn" },
   { "name": "box", "code": 225, "type": "empty", "encapsulate": "inner" }, { "name": "flag", "code": 1, "space": "inner", "type": "boolean" }, { "name": "text", "code": 2, "space": "inner", "type": "string" } ],
  "option-data": [ { "name": "one", "data": "7, 192.0.2.9, hello" }, { "name": "many", "data": "1, 2, 4294967295" }, { "name": "names", "data": "a.example.org" },
   { "name": "box" }, { "name": "flag", "space": "inner", "data": "true" }, { "name": "text", "space": "inner", "data": "inside" } ],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover prl=222,223,224,225 -> offer
a select prl=222,223,224,225 -> ack
b discover prl=1 -> offer
b select prl=225 -> ack
