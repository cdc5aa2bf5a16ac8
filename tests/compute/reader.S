# A boot sector that reads every sector of its disk through the firmware, and says so on the serial line.
# Assembled for 0x7c00; SECTORS is how many there are, a multiple of AT_ONCE.
    .code16
    .set AT_ONCE, 64
    .globl _start
_start:
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $_start, %sp
read:
    movw $packet, %si
    movb $0x42, %ah                 # the firmware leaves the disk's number in %dl
    int $0x13
    movw $failed, %si
    jc say
    addl $AT_ONCE, sector
    cmpl $SECTORS, sector
    jb read
    movw $ended, %si
say:
    lodsb
    testb %al, %al
    jz rest
    movb %al, %ah
    movw $0x3fd, %dx
full:
    inb %dx, %al
    testb $0x20, %al
    jz full
    movw $0x3f8, %dx
    movb %ah, %al
    outb %al, %dx
    jmp say
rest:
    hlt
    jmp rest

    .balign 4
packet:
    .byte 16, 0
    .word AT_ONCE, 0, 0x1000        # to 1000:0000
sector:
    .quad 0
ended:
    .asciz "READ TO THE END\r\n"
failed:
    .asciz "READING FAILED\r\n"
    .org 510
    .word 0xaa55
