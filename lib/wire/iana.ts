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
