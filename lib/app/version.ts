/** Herald's version, shown by --help, the log and `herald_build_info`. */
export const VERSION = "0.1.0";
