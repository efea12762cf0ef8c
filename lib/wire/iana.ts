/**
 * Every code point that Herald writes or checks on the wire, with the RFC that assigns it.
 *
 * This file is compiled twice: by Deno for the program and by AssemblyScript into the codecs. So it holds plain numeric
 * constants and nothing else; the unit and the protocol are in the name.
 */

// Ethernet (IEEE 802.3; numbers in RFC 9542 §3 and Appendix B).
export const ETHER_TYPE_IPV4 = 0x0800;
export const ETHER_TYPE_ARP = 0x0806;

// ARP (RFC 826; hardware types and operations in the registry of RFC 5494).
export const ARP_HARDWARE_ETHERNET = 1;
export const ARP_OPERATION_REQUEST = 1;
export const ARP_OPERATION_REPLY = 2;

// IPv6 (RFC 8200) and ICMPv6 (RFC 4443).
export const ETHER_TYPE_IPV6 = 0x86dd;
export const IP_PROTOCOL_ICMPV6 = 58;

// Neighbour discovery (RFC 4861 §4.3, §4.4, §4.6.1, §7.1).
export const ICMPV6_NEIGHBOR_SOLICITATION = 135;
export const ICMPV6_NEIGHBOR_ADVERTISEMENT = 136;
export const NDP_HOP_LIMIT = 255;
export const NDP_OPTION_SOURCE_LINK_LAYER_ADDRESS = 1;
export const NDP_OPTION_TARGET_LINK_LAYER_ADDRESS = 2;
export const NDP_FLAG_SOLICITED = 0x40000000;
export const NDP_FLAG_OVERRIDE = 0x20000000;
