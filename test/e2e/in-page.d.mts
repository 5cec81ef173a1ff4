export function pageHeight(): number;
export function excessWidth(): number;
export function themeShown(): (string | undefined)[];
export function chartsDrawn(): boolean;
export function focusedElement(): { text: string; outlined: boolean; isSvgLink: boolean };
export function weakTexts(): string[];
