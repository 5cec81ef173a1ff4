import { useCallback, useEffect, useRef, useState, type ReactNode } from "react";

/** The width of the element a ref is on, kept while it changes. */
export function useWidth(): readonly [ref: (node: Element | null) => void, width: number] {
  const [width, setWidth] = useState(0);
  const observer = useRef<ResizeObserver | null>(null);
  const ref = useCallback((node: Element | null) => {
    observer.current?.disconnect();
    if (node === null) return;
    setWidth(node.getBoundingClientRect().width);
    observer.current = new ResizeObserver(([entry]) => entry !== undefined && setWidth(entry.contentRect.width));
    observer.current.observe(node);
  }, []);
  return [ref, width];
}

/** Keeps a place of the given height and mounts what is inside only near the window: a page of a hundred charts draws a dozen. */
export function WhenVisible({ height, children }: { height: number; children: () => ReactNode }): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setVisible(entries.some((e) => e.isIntersecting)), { rootMargin: "300px" });
    if (place.current !== null) observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={place} style={{ minHeight: height }}>
      {visible ? children() : null}
    </div>
  );
}
