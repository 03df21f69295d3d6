// The menu itself, with what places it on the screen; loaded after the first page.

import { Menu } from "@mantine/core";
import { Fragment, type ReactElement } from "react";
import type { DropSection } from "./Drop";

export interface DropMenuProps {
  target: ReactElement;
  sections: readonly DropSection[];
  end?: boolean;
  /** It was pressed before it was there. */
  opened: boolean;
}

export default function DropMenu({ target, sections, end, opened }: DropMenuProps) {
  return (
    <Menu position={end ? "bottom-end" : "bottom-start"} width={220} defaultOpened={opened}>
      <Menu.Target>{target}</Menu.Target>
      <Menu.Dropdown>
        {sections.map((section, index) => (
          <Fragment key={section.items[0]?.label}>
            {index > 0 && <Menu.Divider />}
            {section.title && <Menu.Label>{section.title}</Menu.Label>}
            {section.items.map((item) => {
              const shared = {
                "aria-current": item.current || undefined,
                rightSection: item.right && <span className="mono">{item.right}</span>,
              };
              return item.href ? (
                <Menu.Item key={item.label} component="a" href={item.href} {...shared}>
                  {item.label}
                </Menu.Item>
              ) : (
                <Menu.Item key={item.id ?? item.label} onClick={item.onClick} {...shared}>
                  {item.label}
                </Menu.Item>
              );
            })}
          </Fragment>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
