package call

import (
	"strconv"
	"strings"
)

// effect says whether a call reached the terminal that was called.
type effect uint8

const (
	unknownEffect effect = iota
	effective
	ineffective
)

// effects has what the usual words of a cause say about a call that was not answered. The names
// are those of ITU-T Q.850 as Asterisk writes them, and of Asterisk's DIALSTATUS; letters and
// digits alone count.
var effects = map[string]effect{ //nolint:gochecknoglobals // a table that nothing changes
	"busy": effective, "userbusy": effective, "subscriberbusy": effective,
	"noanswer": effective, "nouserresponse": effective, "usernoanswer": effective, "noanswerfromuser": effective, "unanswered": effective,
	"rejected": effective, "callrejected": effective, "declined": effective, "declinedbyuser": effective, "donotdisturb": effective, "dnd": effective,
	"unallocatednumber": ineffective, "unallocated": ineffective, "noroutetransitnet": ineffective, "noroutedestination": ineffective, "noroute": ineffective,
	"channelunacceptable": ineffective, "destinationoutoforder": ineffective, "invalidnumberformat": ineffective, "facilityrejected": ineffective,
	"normalcircuitcongestion": ineffective, "congestion": ineffective, "networkoutoforder": ineffective, "normaltemporaryfailure": ineffective, "temporaryfailure": ineffective,
	"switchcongestion": ineffective, "accessinfodiscarded": ineffective, "requestedchanunavail": ineffective, "chanunavail": ineffective,
	"bearercapabilitynotavail": ineffective, "incompatibledestination": ineffective, "recoveryontimerexpire": ineffective, "protocolerror": ineffective,
	"interworking": ineffective, "failure": ineffective,
}

// hangsUp are causes of a caller who hangs up: with a ring before it, nobody answered.
var hangsUp = map[string]bool{ //nolint:gochecknoglobals // a table that nothing changes
	"normalclearing": true, "cancel": true, "cancelled": true, "canceled": true, "originatorcancel": true, "abandoned": true, "16": true, "487": true,
}

// effectOf returns what the cause of a call that was not answered says: effective for what
// the person or the terminal that was called decided (ITU-T E.425: user busy, ring no
// answer, terminal rejection). A number below 128 is a cause of Q.850; from 400 on it is
// an answer of SIP, whose meanings RFC 6076, 4.7, and RFC 3398 list.
func effectOf(cause string, rang bool) effect {
	word := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9' || r >= 'a' && r <= 'z':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, cause)
	if hangsUp[word] {
		if rang {
			return effective
		}
		return unknownEffect
	}
	n, err := strconv.Atoi(word)
	if err != nil {
		return effects[word]
	}
	switch {
	case n == 17 || n == 18 || n == 19 || n == 21, n == 480 || n == 486 || n == 600 || n == 603:
		return effective
	case n >= 1 && n < 128 && n != 31, n >= 400 && n < 700:
		return ineffective
	}
	return unknownEffect // 31 is "normal, unspecified"
}
