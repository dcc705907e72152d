# Names that are none.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover host=' ' -> offer
a select host=' ' -> ack
b discover host='.' -> offer
b select host='.' -> ack
c discover host=686f7374 -> offer
c select host=686f737400 -> ack
d discover host='a..b' -> offer
d select host='a..b' -> ack
e discover host='-' -> offer
e select host='-' -> ack
f discover host='abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz' -> offer
f select host='abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz' -> ack
