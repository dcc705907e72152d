# Option 43 by class, and 125 by enterprise.
config
{ "client-classes": [ { "name": "VENDOR_CLASS_acme", "option-def": [ { "name": "vendor-encapsulated-options", "code": 43, "type": "empty", "encapsulate": "acme" } ],
     "option-data": [ { "name": "vendor-encapsulated-options" }, { "name": "server", "space": "acme", "data": "192.0.2.9" } ] } ],
  "option-def": [ { "name": "server", "space": "acme", "code": 2, "type": "ipv4-address" }, { "name": "file", "space": "vendor-4491", "code": 5, "type": "string" } ],
  "option-data": [ { "name": "file", "space": "vendor-4491", "data": "cfg" }, { "name": "vivso-suboptions", "data": "4491" } ],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover class='acme' prl=43,60 -> offer
a select class='acme' prl=43,60 -> ack
b discover class='other' prl=43 -> offer
b select class='other' prl=43 -> ack
c discover prl=125 opt125=0000118b0301010005 -> offer
c select prl=125 opt125=0000118b03010105 -> ack
