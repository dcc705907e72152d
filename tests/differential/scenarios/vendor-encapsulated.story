# Option 43 by the definition of a class, by the global one, and by none.
config
{ "option-def": [
    { "name": "server", "code": 1, "space": "acme", "type": "ipv4-address" },
    { "name": "vlan", "code": 2, "space": "acme", "type": "uint32" },
    { "name": "plain", "code": 1, "space": "vendor-encapsulated-options-space", "type": "string" }],
  "client-classes": [
    { "name": "VENDOR_CLASS_acme",
      "option-def": [{ "name": "vendor-encapsulated-options", "code": 43, "type": "empty", "encapsulate": "acme" }],
      "option-data": [{ "name": "vendor-encapsulated-options" }, { "name": "server", "space": "acme", "data": "10.0.0.9" },
        { "name": "vlan", "space": "acme", "data": "12" }] },
    { "name": "VENDOR_CLASS_raw",
      "option-def": [{ "name": "vendor-encapsulated-options", "code": 43, "type": "binary" }],
      "option-data": [{ "name": "vendor-encapsulated-options", "data": "0102", "always-send": true }] },
    { "name": "seen", "test": "option[43].option[2].hex == 0x00000005", "option-data": [{ "name": "domain-name", "data": "early" }] },
    { "name": "late", "test": "member('UNKNOWN') and option[43].option[2].hex == 0x00000005",
      "option-data": [{ "name": "domain-name", "data": "late" }] }],
  "option-data": [{ "name": "vendor-encapsulated-options" },
    { "name": "plain", "space": "vendor-encapsulated-options-space", "data": "x" }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover class='acme' prl=43 -> offer
b discover class='raw' prl=1 -> offer
c discover prl=43 -> offer
d discover class='acme' prl=1 -> offer
e discover class='acme' opt43=020400000005 -> offer
f discover opt43=020400000005 prl=15,43 -> offer
a select class='acme' prl=43 -> ack
