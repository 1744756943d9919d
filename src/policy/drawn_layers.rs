//! Replaces each `use` by the layer that it names, and checks that every layer is complete and agrees with itself.

use crate::domain::decimal::ExactDecimal;
use crate::domain::file_fault::{FaultText, FileFault};
use crate::domain::fixed_words::{DeductiblePer, Period};
use crate::domain::rule::{LayerRule, PolicyRule};
use crate::domain::word_meanings::WordMeanings;

use super::document::{Document, LayerText, value};
use super::layer_checks::layer_faults;
use super::nearest::nearest;

/// A complete layer with the lines of its keys.
pub(super) struct DrawnLayer {
    /// The rule.
    pub rule: LayerRule,
    /// The text, with what it draws.
    pub text: LayerText,
    /// The line of its id, or of its `use`.
    pub line: usize,
}

/// A policy with its drawn layers.
pub(super) struct DrawnPolicy {
    /// The rule.
    pub rule: PolicyRule,
    /// The layers of the rule, with their lines.
    pub layers: Vec<DrawnLayer>,
}

/// The policies of some files with their complete layers, and the faults: a `use` that names no layer or
/// leads back to itself, a layer without a required key, and layers that contradict themselves.
///
/// `complete` says whether `documents` are all files; if one could not be read, a `use` may name it. A layer
/// with a fault is not checked for missing keys, which would report the same cause twice.
pub(super) fn draw_layers(
    documents: &[Document],
    words: &WordMeanings,
    complete: bool,
) -> (Vec<DrawnPolicy>, Vec<FileFault>) {
    let mut drawing = LayerDrawing { documents, complete, faults: Vec::new(), circles: Vec::new() };
    let policies = documents.iter().map(|document| drawing.draw_policy(document, words)).collect();
    (policies, drawing.faults)
}

struct LayerDrawing<'a> {
    documents: &'a [Document],
    complete: bool,
    faults: Vec<FileFault>,
    /// The layers of circles that were reported already.
    circles: Vec<(String, String)>,
}

impl LayerDrawing<'_> {
    fn add_fault(&mut self, document: &Document, line: usize, text: FaultText) {
        self.faults.push(FileFault::bilingual(&document.file, line, text));
    }

    fn draw_policy(&mut self, document: &Document, words: &WordMeanings) -> DrawnPolicy {
        let layers: Vec<_> = document.layers.iter().filter_map(|layer| self.draw_layer(document, layer)).collect();
        self.check_ids(document);
        let rule = PolicyRule {
            format: PolicyRule::FORMAT,
            id: document.id.as_str().into(),
            title: document.title.as_str().into(),
            insurance: document.insurance.as_str().into(),
            regions: document.regions.iter().map(|region| region.as_str().into()).collect(),
            pooling: document.pooling.iter().map(|region| region.as_str().into()).collect(),
            in_force: document.in_force,
            benefit_year: document.benefit_year,
            words: words.clone(),
            layers: layers.iter().map(|layer: &DrawnLayer| layer.rule.clone()).collect(),
        };
        DrawnPolicy { rule, layers }
    }

    fn draw_layer(&mut self, document: &Document, written: &LayerText) -> Option<DrawnLayer> {
        self.check_id(document, written);
        let text = self.follow_use(document, written).filter(|text| text.sound)?;
        self.check_days(document, &text);
        let missing = missing_keys(&text);
        if !missing.is_empty() {
            let message = FaultText::new(
                format!("the layer has no {}", missing.join(", no ")),
                format!("本层缺少 {}", missing.join("、")),
            );
            self.add_fault(document, written.line, message);
            return None;
        }
        let rule = complete_layer(document, text.clone())?;
        let faults = layer_faults(&rule, &text);
        let sound = faults.is_empty();
        faults.into_iter().for_each(|(line, fault)| self.add_fault(document, line, fault));
        sound.then(|| DrawnLayer { rule, line: written.id_line(), text })
    }

    /// The layer with the keys of the layers it draws, following a chain of `use` to its end.
    fn follow_use(&mut self, document: &Document, written: &LayerText) -> Option<LayerText> {
        let mut text = written.clone();
        let mut followed: Vec<(String, String)> = Vec::new();
        while let Some(draws) = text.draws.take() {
            let (named, line) = (draws.value, draws.line);
            if followed.contains(&named) {
                self.report_circle(document, line, &named, &followed);
                return None;
            }
            let Some(source) = find_layer(self.documents, &named) else {
                if self.complete || self.documents.iter().any(|document| document.id == named.0) {
                    let fault = self.unknown_layer_fault(&named);
                    self.add_fault(document, line, fault);
                }
                return None;
            };
            text = text.filled_from(source, line);
            followed.push(named);
        }
        Some(text)
    }

    /// A circle is reported once, at the first of its layers.
    fn report_circle(
        &mut self,
        document: &Document,
        line: usize,
        named: &(String, String),
        circle: &[(String, String)],
    ) {
        if self.circles.contains(named) {
            return;
        }
        self.circles.extend(circle.iter().cloned());
        let (file, layer) = named;
        let text = FaultText::new(
            format!("`use` names `{file}#{layer}`, which leads back to itself"),
            format!("`use` 引用的 `{file}#{layer}` 最终引用回自身"),
        );
        self.add_fault(document, line, text);
    }

    fn unknown_layer_fault(&self, (file, layer): &(String, String)) -> FaultText {
        let named = format!("{file}#{layer}");
        let known: Vec<String> = self
            .documents
            .iter()
            .flat_map(|document| document.layers.iter().map(move |text| (document, text)))
            .filter_map(|(document, text)| Some(format!("{}#{}", document.id, text.layer_id()?)))
            .collect();
        match nearest(&named, known.iter().map(String::as_str)) {
            Some(meant) => FaultText::new(
                format!("`use` names `{named}`, which no file has; `{meant}` is meant?"),
                format!("`use` 引用的 `{named}` 不存在；是否应为 `{meant}`？"),
            ),
            None => FaultText::new(
                format!("`use` names `{named}`, which no file has"),
                format!("`use` 引用的 `{named}` 不存在"),
            ),
        }
    }

    fn check_days(&mut self, document: &Document, text: &LayerText) {
        let beyond = text.in_force.as_ref().filter(|days| document.sound && !days.value.is_within(&document.in_force));
        if let Some(days) = beyond {
            let (layer, file) = (days.value, document.in_force);
            let message = FaultText::new(
                format!("the layer's days, {layer}, are not within the file's, {file}"),
                format!("本层的执行期限（{layer}）超出文件的期限（{file}）"),
            );
            self.add_fault(document, days.line, message);
        }
    }

    fn check_id(&mut self, document: &Document, written: &LayerText) {
        if let (Some(id), Some(draws)) = (&written.id, &written.draws)
            && id.value != draws.value.1
        {
            let (own, drawn) = (&id.value, &draws.value.1);
            let message = FaultText::new(
                format!("the layer is given the id `{own}`, but a drawn layer keeps its id `{drawn}`"),
                format!("本层改名为 `{own}`，但引用的层须保留原名 `{drawn}`"),
            );
            self.add_fault(document, id.line, message);
        }
    }

    fn check_ids(&mut self, document: &Document) {
        for (at, layer) in document.layers.iter().enumerate() {
            let Some(id) = layer.layer_id() else { continue };
            if document.layers[..at].iter().any(|before| before.layer_id() == Some(id)) {
                let text =
                    FaultText::new(format!("the file has two layers `{id}`"), format!("文件中有两个名为 `{id}` 的层"));
                self.add_fault(document, layer.id_line(), text);
            }
        }
    }
}

fn find_layer<'a>(documents: &'a [Document], (file, layer): &(String, String)) -> Option<&'a LayerText> {
    let document = documents.iter().find(|document| document.id == *file)?;
    document.layers.iter().find(|text| text.layer_id() == Some(layer))
}

fn missing_keys(text: &LayerText) -> Vec<&'static str> {
    let keys = [
        ("`id`", text.id.is_none()),
        ("`payer`", text.payer.is_none()),
        ("`visits`", text.visits.is_none()),
        ("`pools`", text.pools.is_none()),
        ("`period`", text.period.is_none()),
        ("`schedule`", text.schedule.is_none()),
        ("`cites`", text.cites.is_none()),
    ];
    keys.into_iter().filter(|(_, missing)| *missing).map(|(key, _)| key).collect()
}

fn complete_layer(document: &Document, text: LayerText) -> Option<LayerRule> {
    let id = value(text.id)?;
    let period = value(text.period)?;
    let usual = match period {
        Period::Year => DeductiblePer::Year,
        Period::Admission => DeductiblePer::Claim,
    };
    Some(LayerRule {
        name: value(text.name).unwrap_or_else(|| id.clone()).into(),
        id: id.into(),
        payer: value(text.payer)?.into(),
        visits: value(text.visits)?,
        pools: value(text.pools)?,
        period,
        ledger: value(text.ledger),
        deductible_per: value(text.deductible_per).unwrap_or(usual),
        bands_over_excess: text.bands_over_excess.is_some(),
        credits_transfer: text.credits_transfer.is_some(),
        conditions: value(text.conditions).unwrap_or_default(),
        only: value(text.only).unwrap_or_default(),
        except: value(text.except).unwrap_or_default(),
        in_force: value(text.in_force).unwrap_or(document.in_force),
        prior_self_pay: value(text.prior_self_pay).unwrap_or(ExactDecimal::ZERO),
        schedule: value(text.schedule)?.rule,
        caps: value(text.caps).unwrap_or_default().into_iter().map(|cap| cap.rule).collect(),
        when: value(text.when).unwrap_or_default().into_iter().map(|text| text.entry).collect(),
        for_: value(text.for_).unwrap_or_default().into_iter().map(|text| text.entry).collect(),
        cites: value(text.cites)?,
        assumed: text.assumed,
    })
}
