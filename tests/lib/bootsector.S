# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The whole guest: 512 bytes that write to disk for ever and say so.
#
# Each round takes the next counter, picks the slot that belongs to it, fills
# the slot's sectors with a pattern of counter and address, writes them to every
# disk through the BIOS (INT 13h AH=43h) and only then prints the counter on the
# first serial port: eight hex digits and a newline. What is printed has been
# acknowledged by all disks. A refused write prints "!000AAdd" (BIOS status AA,
# drive dd) and is tried again.
#
# guestcode.py assembles this with its parameters, and knows the same pattern:
#
#   FIRST_LBA    first sector of slot 0          SLOT_MASK   slots - 1 (a power of two less 1)
#   SECTORS      sectors of a slot, 1 to 64      N_DISKS     disks 0x80, 0x81, ...
#   SLOT_FACTOR  odd: slot = counter * SLOT_FACTOR & SLOT_MASK
#   COUNTER_FACTOR, LBA_FACTOR, STEP             the pattern
#   PAUSE_USEC   rest after each round, microseconds

        .set    BUFFER_SEGMENT, 0x1000  # 32 KiB at 64 KiB: no 64 KiB border inside
        .set    COM1_DATA, 0x3f8
        .set    COM1_STATUS, 0x3fd
        .set    TRANSMITTER_EMPTY, 0x20

        .code16
        .text
        .globl  _start
_start:
        ljmp    $0, $set_up
set_up:
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $_start, %sp
        cld
        sti

        # The counter starts at MMSS0000h, so that no two boots within an hour
        # write the same pattern: a write lost after a reboot stays visible.
        movb    $0x02, %ah
        int     $0x1a
        movb    %cl, counter + 3
        movb    %dh, counter + 2

next_round:
        incl    counter
        imull   $SLOT_FACTOR, counter, %edx
        andl    $SLOT_MASK, %edx
        imull   $SECTORS, %edx, %edx
        addl    $FIRST_LBA, %edx
        movl    %edx, packet_lba

# A sector: counter, its LBA, then 126 words that count up from a seed in STEPs.
        movw    $BUFFER_SEGMENT, %ax
        movw    %ax, %es
        xorw    %di, %di
        movw    $SECTORS, %bp
fill_sector:
        movl    counter, %eax
        stosl
        movl    %edx, %eax
        stosl
        imull   $COUNTER_FACTOR, counter, %eax
        imull   $LBA_FACTOR, %edx, %ebx
        xorl    %ebx, %eax
        movw    $126, %cx
fill_word:
        stosl
        addl    $STEP, %eax
        loop    fill_word
        incl    %edx
        decw    %bp
        jnz     fill_sector

        movb    $0x80, %dl
write_disk:
        movw    $SECTORS, packet_sectors        # the BIOS leaves its own count here
        movw    $packet, %si
        movw    $0x4300, %ax
        pushw   %dx
        int     $0x13
        popw    %dx
        jc      refused
        incb    %dl
        cmpb    $(0x80 + N_DISKS), %dl
        jb      write_disk

        movl    counter, %eax
        movw    $8, %cx
        call    print_digits
        call    rest
        jmp     next_round

refused:
        pushw   %dx
        movb    %dl, %al                        # AH is the status already
        movzwl  %ax, %eax
        shll    $4, %eax
        pushl   %eax
        movb    $'!', %al
        call    print_byte
        popl    %eax
        movw    $7, %cx
        call    print_digits
        call    rest
        popw    %dx
        jmp     write_disk

# Prints the CX topmost hex digits of EAX and a newline.
print_digits:
        roll    $4, %eax
        pushl   %eax
        andb    $0x0f, %al
        cmpb    $10, %al                        # the classic: 0-9 A-F without a branch
        sbbb    $0x69, %al
        das
        call    print_byte
        popl    %eax
        loop    print_digits
        movb    $'\n', %al
print_byte:
        movb    %al, %bl
wait_transmitter:
        movw    $COM1_STATUS, %dx
        inb     %dx, %al
        testb   $TRANSMITTER_EMPTY, %al
        jz      wait_transmitter
        movb    %bl, %al
        movw    $COM1_DATA, %dx
        outb    %al, %dx
        ret

rest:
        .if     PAUSE_USEC
        movw    $(PAUSE_USEC >> 16), %cx
        movw    $(PAUSE_USEC & 0xffff), %dx
        movb    $0x86, %ah
        int     $0x15
        .endif
        ret

        .balign 4
counter:
        .long   0
packet:                                         # disk address packet
        .byte   16, 0
packet_sectors:
        .word   SECTORS
        .word   0, BUFFER_SEGMENT
packet_lba:
        .long   FIRST_LBA, 0

        .org    510
        .word   0xaa55
