# Options that cannot be read as their types: the whole query is dropped.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a inform ciaddr=192.0.2.9 opt3= -> ack
a inform ciaddr=192.0.2.9 opt12= -> ack
a inform ciaddr=192.0.2.9 opt15= -> ack
a inform ciaddr=192.0.2.9 opt43= -> ack
a inform ciaddr=192.0.2.9 opt60= -> ack
a inform ciaddr=192.0.2.9 opt77= -> ack
a inform ciaddr=192.0.2.9 opt82= -> ack
a inform ciaddr=192.0.2.9 opt125= -> ack
a inform ciaddr=192.0.2.9 opt43=0102 -> ack
a inform ciaddr=192.0.2.9 opt50=0a00000102 -> ack
a inform ciaddr=192.0.2.9 opt51=0000003c00 -> ack
a inform ciaddr=192.0.2.9 opt57=05dc00 -> ack
a inform ciaddr=192.0.2.9 opt81=000000 -> ack
a inform ciaddr=192.0.2.9 opt93=00070008 -> ack
a inform ciaddr=192.0.2.9 opt119=016100 -> ack
a inform ciaddr=192.0.2.9 opt200= -> ack
a inform ciaddr=192.0.2.9 opt224=00 -> ack
a inform ciaddr=192.0.2.9 opt6=0a0000010a000002 -> ack
a inform ciaddr=192.0.2.9 opt1=ffffff -> nothing
a inform ciaddr=192.0.2.9 opt2= -> nothing
a inform ciaddr=192.0.2.9 opt3=0a000001ff -> nothing
a inform ciaddr=192.0.2.9 opt6=01 -> nothing
a inform ciaddr=192.0.2.9 opt13=01 -> nothing
a inform ciaddr=192.0.2.9 opt19= -> nothing
a inform ciaddr=192.0.2.9 opt25= -> nothing
a inform ciaddr=192.0.2.9 opt26=05 -> nothing
a inform ciaddr=192.0.2.9 opt28=0a -> nothing
a inform ciaddr=192.0.2.9 opt33=0a0000 -> nothing
a inform ciaddr=192.0.2.9 opt42=0a00 -> nothing
a inform ciaddr=192.0.2.9 opt46= -> nothing
a inform ciaddr=192.0.2.9 opt50=0a0000 -> nothing
a inform ciaddr=192.0.2.9 opt51=01 -> nothing
a inform ciaddr=192.0.2.9 opt52= -> nothing
a inform ciaddr=192.0.2.9 opt54=c000 -> nothing
a inform ciaddr=192.0.2.9 opt55= -> nothing
a inform ciaddr=192.0.2.9 opt57=05 -> nothing
a inform ciaddr=192.0.2.9 opt58=01 -> nothing
a inform ciaddr=192.0.2.9 opt61= -> nothing
a inform ciaddr=192.0.2.9 opt61=01 -> nothing
a inform ciaddr=192.0.2.9 opt78=00 -> nothing
a inform ciaddr=192.0.2.9 opt81=00 -> nothing
a inform ciaddr=192.0.2.9 opt93=07 -> nothing
a inform ciaddr=192.0.2.9 opt93= -> nothing
a inform ciaddr=192.0.2.9 opt94=0102 -> nothing
a inform ciaddr=192.0.2.9 opt97= -> nothing
a inform ciaddr=192.0.2.9 opt116= -> nothing
a inform ciaddr=192.0.2.9 opt117=01 -> nothing
a inform ciaddr=192.0.2.9 opt118=c000 -> nothing
a inform ciaddr=192.0.2.9 opt119=0161 -> nothing
a inform ciaddr=192.0.2.9 opt88=0561 -> nothing
a inform ciaddr=192.0.2.9 opt108=00 -> nothing
a inform ciaddr=192.0.2.9 opt79=01 -> ack
a inform ciaddr=192.0.2.9 opt79=0161 -> ack
a inform ciaddr=192.0.2.9 opt124=0000118b -> ack
a inform ciaddr=192.0.2.9 opt124=0000118b00 -> ack
a inform ciaddr=192.0.2.9 opt124=0000118b01780000015300 -> nothing
a inform ciaddr=192.0.2.9 opt124=0000118b0178000001530179 -> ack
a inform ciaddr=192.0.2.9 opt125=0000118b03010102 -> ack
a inform ciaddr=192.0.2.9 opt137=016100 -> ack
a inform ciaddr=192.0.2.9 opt137=016100ff -> ack
a inform ciaddr=192.0.2.9 opt146=01c0000201c0000202016100 -> ack
a inform ciaddr=192.0.2.9 opt146=01c0000201c0000202016100016200 -> ack
a inform ciaddr=192.0.2.9 opt212=0010fe80000000000000000000000000000ac0000201 -> ack
a inform ciaddr=192.0.2.9 opt212=0010fe80000000000000000000000000000ac0000201c0 -> ack
a inform ciaddr=192.0.2.9 opt213=016100 -> ack
a inform ciaddr=192.0.2.9 opt79= -> nothing
a inform ciaddr=192.0.2.9 opt79=0261 -> nothing
a inform ciaddr=192.0.2.9 opt124= -> nothing
a inform ciaddr=192.0.2.9 opt124=000011 -> nothing
a inform ciaddr=192.0.2.9 opt124=0000118b0378 -> nothing
a inform ciaddr=192.0.2.9 opt124=0000118b01780000 -> nothing
a inform ciaddr=192.0.2.9 opt137= -> nothing
a inform ciaddr=192.0.2.9 opt137=00 -> nothing
a inform ciaddr=192.0.2.9 opt137=0161 -> nothing
a inform ciaddr=192.0.2.9 opt146=01c0000201c0000202 -> nothing
a inform ciaddr=192.0.2.9 opt146=01c0000201c00002020161 -> nothing
a inform ciaddr=192.0.2.9 opt212=0010fe80 -> nothing
a inform ciaddr=192.0.2.9 opt213=0161 -> nothing
a inform ciaddr=192.0.2.9 opt125=000001 opt57=05dc -> ack
a inform ciaddr=192.0.2.9 tail=0c09 -> ack
a inform ciaddr=192.0.2.9 tail=0c -> ack
a inform ciaddr=192.0.2.9 opt57=05dc tail=0c0961 -> ack
b discover opt50=0a0000 -> nothing
b discover opt55= -> nothing
b discover -> offer
