# An operand that cannot be evaluated behind one that decides, and one that is needed.
config
{ "option-def": [{ "name": "flags", "code": 203, "type": "boolean", "array": true }],
  "client-classes": [
    { "name": "skipped", "test": "option[12].exists or option[203].text == 'x'", "option-data": [{ "name": "ntp-servers", "data": "192.0.2.6" }] },
    { "name": "needed", "test": "not (option[203].text == 'x')", "option-data": [{ "name": "log-servers", "data": "192.0.2.7" }] }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover host='a' opt203=01 prl=7,42 -> offer 192.0.2.100 7=c0000207 42=c0000206
b discover opt203=05 prl=7,42 -> offer 192.0.2.101
c discover host='a' opt203=0005 prl=7,42 -> offer 192.0.2.102 42=c0000206
