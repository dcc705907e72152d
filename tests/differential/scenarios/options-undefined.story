# An option that nothing defines is hexadecimal without csv-format, at every level below the global one.
config
{ "client-classes": [{ "name": "c", "test": "option[60].exists", "option-data": [{ "code": 244, "data": "0505" }] }],
  "option-data": [{ "code": 245, "csv-format": false, "data": "0606" }],
  "shared-networks": [{ "name": "n", "option-data": [{ "code": 243, "data": "0404" }],
    "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "option-data": [{ "code": 242, "data": "0303" }],
      "pools": [{ "pool": "192.0.2.100 - 192.0.2.110", "option-data": [{ "code": 241, "data": "02:02" }] }],
      "reservations": [{ "client-id": "01aa", "ip-address": "192.0.2.105",
        "option-data": [{ "code": 240, "data": "0x0101" }] }] }] }] }
end
client a cid=01aa class='x' prl=240,241,242,243,244,245
a discover -> offer 192.0.2.105 240=0101 241=0202 242=0303 243=0404 244=0505 245=0606
a select -> ack 192.0.2.105 240=0101 241=0202 242=0303 243=0404 244=0505 245=0606
