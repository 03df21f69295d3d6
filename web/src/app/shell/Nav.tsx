// The left bar; at the bottom on a telephone.

import { Link } from "@tanstack/react-router";
import { IconActivity, IconApps, IconHosts, IconTeam } from "../../components/icons";
import classes from "./shell.module.css";

const ENTRIES = [
  { to: "/apps", label: "Apps", Icon: IconApps },
  { to: "/activity", label: "Activity", Icon: IconActivity },
  { to: "/hosts", label: "Hosts", Icon: IconHosts },
  { to: "/team", label: "Team", Icon: IconTeam },
] as const;

export function Nav() {
  return (
    <nav className={classes.nav} aria-label="Main">
      {ENTRIES.map(({ to, label, Icon }) => (
        <Link key={to} to={to} className={classes.link} activeProps={{ "aria-current": "page" }}>
          <Icon />
          {label}
        </Link>
      ))}
    </nav>
  );
}
