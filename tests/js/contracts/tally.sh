#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A contract in plain shell: it keeps every input as a line of lines.txt and answers the number of
# lines; the input "lines" is answered with all of them. No library, no JSON tool: the document is
# compact and its keys are known, so that sed can take it apart.

document=$(cat)

# The value of a number or boolean.
field() {
    printf '%s\n' "$document" | sed -n "s/.*\"$1\":\([^,}]*\)[,}].*/\1/p"
}

# One line per user: descriptor, then "offset,length" for each input.
users() {
    printf '%s\n' "$document" |
        sed -n 's/.*"users":{\(.*\)},"unl".*/\1/p' |
        sed 's/]],"ed/]]\n"ed/g; s/\([0-9]\)],"ed/\1]\n"ed/g' |
        sed 's/^"[^"]*":\[//; s/]*$//; s/,\[/ /g; s/]//g'
}

# Through /proc, because the offset of an inherited descriptor belongs to all who share it.
read_input() {
    tail -c "+$((${1%,*} + 1))" "/proc/self/fd/$input_fd" | head -c "${1#*,}"
}

# A frame: length as four bytes, most significant first, then the message. This shell may not know
# descriptors above 9 in redirections; bash does.
send() {
    length=$(printf '%s' "$2" | wc -c)
    header=$(printf '\\%03o\\%03o\\%03o\\%03o' $((length >> 24 & 255)) $((length >> 16 & 255)) \
        $((length >> 8 & 255)) $((length & 255)))
    { printf "$header"; printf '%s' "$2"; } | bash -c 'cat >&"$0"' "$1"
}

answer() {
    text=$(read_input "$2")
    if [ "$text" = lines ]; then
        send "$1" "$(cat lines.txt)"
    elif [ "$readonly" = true ]; then
        send "$1" "read-only"
    else
        printf '%s\n' "$text" >>lines.txt
        send "$1" "$(wc -l <lines.txt)"
    fi
}

readonly=$(field readonly)
input_fd=$(field user_in_fd)
users | while read -r fd inputs; do
    for input in $inputs; do
        answer "$fd" "$input"
    done
done
